"""``tapeflow demo`` as a process of its own on free ports, for tests that look at what it serves.

``running_demo`` yields a DemoCommand once live has read something; without a desk, unless its words ask for one. When
the block ends it is asked to stop as by Ctrl-C, and must prove itself; whatever happens, nothing of it is left.
"""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.ports import free_port
from tests.integration.gateway.gateway_command import COMMAND, ROOT
from tests.integration.gateway.rest_server import eventually

__all__ = ["DemoCommand", "running_demo"]

STARTS_S, ENDS_S = 240, 120


@dataclass
class DemoCommand:
    """``page``: the address that it told people to open; ``log``: all that it said."""

    page: str
    websocket: str
    rest: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def gateway_settings(self) -> dict[str, str]:
        """Those that it gave its gateway, as variables."""
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                pairs = Path(f"/proc/{child}/environ").read_text().split("\0")
                found = dict(pair.split("=", 1) for pair in pairs if pair.startswith("TAPEFLOW_"))
                if found:
                    return found
        return {}


@contextlib.contextmanager
def running_demo(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[DemoCommand]:
    """``words``: more options; ``environment``: instead of ours, without settings."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    settings = {"TAPEFLOW_DATA_DIR": str(folder / "data"), "TAPEFLOW_GATEWAY_PORT": str(free_port())}
    given = {"PYTHONPATH": str(ROOT), **(bare if environment is None else environment), **settings}
    out = folder / "demo.log"
    with out.open("wb") as log, subprocess.Popen(
        [*COMMAND, "demo", "--rate", "500", "--no-desk", *words], env=given, cwd=folder, stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            eventually(lambda: re.search(r" live [1-9]", out.read_text()) or process.poll() is not None, STARTS_S)
            said = out.read_text()
            assert process.poll() is None, said
            told = re.search(r"(http://127\.0\.0\.1:\d+)/\n(?s:.*?)(ws://127\.0\.0\.1:\d+)", said)
            assert told, said
            yield DemoCommand(told[1] + "/", told[2], told[1], process, out)
            process.send_signal(signal.SIGINT)
            assert process.wait(ENDS_S) == 0, out.read_text()
        finally:
            process.kill()
    assert "WebSocket client" in out.read_text()
