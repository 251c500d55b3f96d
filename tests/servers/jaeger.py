"""A real Jaeger, built from its Go modules at the first use (two minutes); its traces are in memory."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_port
from tests.servers.needs import must_have

__all__ = ["Jaeger", "jaeger"]

ROOT = Path(__file__).parents[2]
MODULE = "github.com/jaegertracing/jaeger/cmd/all-in-one"
VERSION = "v1.76.0"
START_S = 30


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


class Jaeger:
    """``url``: where spans go."""

    def __init__(self, folder: Path) -> None:
        spans, self._asked, grpc, admin, otlp_grpc = (free_port() for _ in range(5))
        self.url = f"http://127.0.0.1:{spans}/v1/traces"
        options = {
            "collector.otlp.http.host-port": spans,
            "collector.otlp.grpc.host-port": otlp_grpc,
            "query.http-server.host-port": self._asked,
            "query.grpc-server.host-port": grpc,
            "admin.http.host-port": admin,
            "collector.grpc-server.host-port": free_port(),
            "collector.http-server.host-port": free_port(),
        }
        with (folder / "jaeger.log").open("wb") as log:
            self._process = subprocess.Popen(
                [binary(), *(f"--{name}=127.0.0.1:{port}" for name, port in options.items())],
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        deadline = time.monotonic() + START_S
        while self.ask("services") is None:
            assert time.monotonic() < deadline, (folder / "jaeger.log").read_text()
            time.sleep(0.1)

    def ask(self, path: str) -> Any:
        """``data`` of its API; None while it doesn't answer, or has none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._asked}/api/{path}", timeout=5) as answer:
                return json.load(answer)["data"] or []
        except (urllib.error.URLError, OSError):
            return None

    def close(self) -> None:
        self._process.kill()  # it waits for long otherwise, and keeps nothing
        self._process.wait(10)


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    found = Jaeger(tmp_path)
    yield found
    found.close()
