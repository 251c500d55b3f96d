"""``tapeflow gateway`` as a process of its own on free ports, for tests that look at it from outside.

``running_gateway`` yields a GatewayCommand once both halves answer; its output is in ``log``. ``ws_world.Flow`` writes
as the flow does. The command and its children are gone when the block ends, also when the test failed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.access.auth import make_token
from local.ports import free_port
from processes.gateway_processes import Addresses, answers
from runtime.settings.whole import Settings
from tests.integration.gateway.rest_server import eventually

COMMAND = [sys.executable, "-c", "import sys; from tapeflow.cli import main; sys.exit(main())"]
ROOT = Path(__file__).parents[3]
STOP_S = 20


def environment(settings: Settings) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    return {**bare, **settings.environment(), "PYTHONPATH": str(ROOT)}


def verb(settings: Settings, *words: str, within_s: float = 30) -> "subprocess.CompletedProcess[str]":
    """One command to its end."""
    return subprocess.run(
        [*COMMAND, *words], env=environment(settings), capture_output=True, text=True, timeout=within_s, check=False
    )


@dataclass
class GatewayCommand:
    settings: Settings
    addresses: Addresses
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def websocket(self) -> str:
        return self.addresses.websocket

    @property
    def rest(self) -> str:
        return self.addresses.rest

    def token(self, user: str = "u1", **more: Any) -> str:
        return make_token(self.settings, user, **more)

    def get(self, url: str) -> Any:
        """The body of an open page: JSON as what it says, else text."""
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["content-type"] else text

    def children(self) -> list[int]:
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextlib.contextmanager
def running_gateway(
    folder: Path, redis_url: str, *words: str, files: int = 0, **changed: Any
) -> Iterator[GatewayCommand]:
    """``words`` are options of the command, ``changed`` settings by name; ``files``: how many it may have open."""
    ports = {"gateway_port": free_port()}
    patient = {"gateway_requests_per_minute": 0, "gateway_redis_timeout_ms": 10_000}
    settings = Settings(redis_url=redis_url, log_format="json", **{**ports, **patient, **changed})
    bounded = ["prlimit", f"--nofile={files}"] if files else []
    log = folder / f"gateway-{settings.gateway_port}.log"
    with log.open("wb") as out, subprocess.Popen(
        [*bounded, *COMMAND, "gateway", *words], env=environment(settings), stdout=out, stderr=out, cwd=folder
    ) as process:  # fmt: skip
        found = GatewayCommand(settings, Addresses.of(settings), process, log)
        try:
            eventually(lambda: answers(found.addresses.health_page) or gone(process, log), 60)
            yield found
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_S)
            process.kill()


def gone(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return False
