"""A real Jaeger, built from its Go modules at the first use (two minutes); its traces are in memory."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.needs import must_have
from tests.servers.process import FolderServer

__all__ = ["Jaeger", "jaeger"]

ROOT = Path(__file__).parents[2]
MODULE = "github.com/jaegertracing/jaeger/cmd/all-in-one"
VERSION = "v1.76.0"


def binary() -> Path:
    """Raises Missing where there is no Go to build it with."""
    folder = ROOT / ".cache" / f"jaeger-{VERSION}"
    if not (built := folder / "jaeger").is_file():
        must_have("go")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for words in (["mod", "init", "tapeflow/jaeger"], ["get", "-tool", f"{MODULE}@{VERSION}"], ["build", MODULE]):
            subprocess.run(["go", *words], cwd=folder, check=True, capture_output=True)
        (folder / "all-in-one").rename(built)
    return built


class Jaeger(FolderServer):
    """``url``: where spans go."""

    def __init__(self, folder: Path) -> None:
        spans, self._asked = free_port(), free_port()
        self.url = f"http://127.0.0.1:{spans}/v1/traces"
        options = {
            "collector.otlp.http.host-port": spans,
            "collector.otlp.grpc.host-port": free_port(),
            "query.http-server.host-port": self._asked,
            "query.grpc-server.host-port": free_port(),
            "admin.http.host-port": free_port(),
            "collector.grpc-server.host-port": free_port(),
            "collector.http-server.host-port": free_port(),
        }
        command = [str(binary()), *(f"--{name}=127.0.0.1:{port}" for name, port in options.items())]
        marker = f"query.http-server.host-port=127.0.0.1:{self._asked}"
        log = folder / "jaeger.log"
        super().__init__(folder, ServerProcess("jaeger", command, self._answers, log, marker=marker))

    def ask(self, path: str) -> Any:
        """``data`` of its API; None while it doesn't answer, or has none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._asked}/api/{path}", timeout=5) as answer:
                return json.load(answer)["data"] or []
        except (urllib.error.URLError, OSError):
            return None

    def stop(self) -> None:
        """It would wait for long, and keeps nothing."""
        self.kill()

    def _answers(self) -> bool:
        return self.ask("services") is not None


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    with Jaeger(tmp_path) as found:
        yield found
