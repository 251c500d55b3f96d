"""Programs say in one line what a machine lacks, and tests are skipped for it, except in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = {
    "tests.chaos": ("chaos: ", "needs java"),
    "bench.latency": ("bench: ", "needs java"),
    "bench.gateway_fanout": ("bench: ", "needs taskset: apt install util-linux"),
    "bench.gateway_rest": ("bench: ", "needs wrk: apt install wrk"),
}
EACH = """
import runpy, sys
for program in sys.argv[1:]:
    sys.argv = [program]
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        print(end.code)
"""
"""All in one process: what they import takes seconds, and is the same."""
NEEDY = """
import subprocess
import pytest
from tests.servers.needs import must_have

@pytest.fixture(scope="session")
def server():
    must_have("java", "mvn")

def test_first(server): ...
def test_second(server): ...
def test_itself(): must_have("chromium")
def test_by_running(): subprocess.run(["openssl"])
def test_by_itself(): open("no-tool-of-ours")
"""


def run(folder: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with nothing on PATH, as on a machine where nothing is installed."""
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "KAFKA_BOOTSTRAP"}}
    environment |= {"PATH": str(folder), "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_programs_say_in_one_line_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", EACH, *WANTED)
    for line, (begins, names) in zip(done.stderr.splitlines(), WANTED.values(), strict=True):
        assert line.startswith(begins)
        assert names in line
        assert "apt install" in line
    assert done.stdout.split() == ["2"] * len(WANTED)


@pytest.mark.parametrize(("variables", "outcome"), [({}, "1 failed, 4 skipped"), ({"CI": "1"}, "3 failed, 2 errors")])
def test_what_is_missing_skips_a_test_and_fails_it_in_ci(
    tmp_path: Path, variables: dict[str, str], outcome: str
) -> None:
    (tmp_path / "test_needy.py").write_text(NEEDY)
    command = ("-m", "pytest", "-q", "-rs", "-p", "tests.servers.needs", "-c", "/dev/null", f"--rootdir={tmp_path}")
    done = run(tmp_path, *command, "-p", "no:cacheprovider", str(tmp_path / "test_needy.py"), **variables)
    assert outcome in done.stdout.splitlines()[-1], done.stdout
    assert "needs java and mvn: apt install default-jre-headless; apt install maven" in done.stdout
    assert "needs chromium: apt install chromium" in done.stdout
