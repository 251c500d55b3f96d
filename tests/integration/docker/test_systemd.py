"""The units for hosts without containers: systemd understands every line; verbs and settings in them exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.settings.whole import Settings
from tapeflow.commands.run import FlowName
from tests.servers.needs import must_have

UNITS = Path(__file__).parents[3] / "docker" / "systemd"
COMMAND = Path(sys.executable).with_name("tapeflow")
INSTALLED = "/opt/tapeflow/bin/tapeflow"
EXPOSURE_MAX = 30
"""As systemd counts, 0 to 100; a service without bounds has 96."""


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """As they lie on a host, the flow once by name, and run by the command of this checkout."""
    must_have("systemd-analyze")
    for file in UNITS.iterdir():
        text = file.read_text("utf-8").replace(INSTALLED, str(COMMAND))
        (tmp_path / file.name.replace("@", "@live")).write_text(text)
    return sorted(tmp_path.iterdir())


def test_systemd_understands_every_line(units: list[Path]) -> None:
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "tapeflow" in line]
    assert (done.returncode, ours) == (0, [])


def test_services_may_do_little(units: list[Path]) -> None:
    for unit in units:
        if unit.suffix == ".service":
            bound = f"--threshold={EXPOSURE_MAX}"
            words = ["systemd-analyze", "security", "--offline=true", bound, unit]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


def test_they_run_verbs_and_settings_that_exist() -> None:
    commands = {
        file.name: re.findall(r"^ExecStart=(.*)$", file.read_text("utf-8"), re.MULTILINE) for file in UNITS.iterdir()
    }
    assert commands == {
        "tapeflow@.service": [f"{INSTALLED} run %i"],
        "tapeflow-gateway.service": [f"{INSTALLED} gateway"],
        "tapeflow.target": [],
    }
    known = {f"TAPEFLOW_{name.upper()}" for name in Settings.model_fields}
    operating = (UNITS.parents[1] / "docs" / "operating.md").read_text("utf-8")
    for file in UNITS.iterdir():
        assert set(re.findall(r"TAPEFLOW_[A-Z_]*[A-Z]", file.read_text("utf-8"))) <= known
    shown = re.findall(r"tapeflow@\{?([\w,]+)", operating)
    assert {name for each in shown for name in each.split(",")} <= set(FlowName)
