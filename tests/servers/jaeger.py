"""A real Jaeger, built from its Go modules at the first use (two minutes); its traces are in memory."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.needs import must_have
from tests.servers.process import FolderServer

__all__ = ["Jaeger", "Span", "binary", "jaeger", "way_to"]

ROOT = Path(__file__).parents[2]
MODULE = "github.com/jaegertracing/jaeger/cmd/all-in-one"
VERSION = "v1.76.0"


@dataclass(frozen=True)
class Span:
    """As Jaeger shows it; ``parent`` is empty for the first of its trace. Times in µs since the epoch."""

    trace: str
    service: str
    name: str
    span: str
    parent: str
    start_us: int
    end_us: int


def way_to(last: Span, spans: Sequence[Span]) -> list[Span]:
    """From the first span of the trace to ``last``, each the parent of the next; KeyError where one isn't there."""
    known = {each.span: each for each in spans}
    way = [last]
    while way[0].parent:
        way.insert(0, known[way[0].parent])
    return way


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
    """``url``: where spans go; ``page``: where people look."""

    def __init__(self, folder: Path) -> None:
        spans, self._asked = free_port(), free_port()
        self.url = f"http://127.0.0.1:{spans}/v1/traces"
        self.page = f"http://127.0.0.1:{self._asked}"
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

    def traces(self, service: str) -> list[list[Span]]:
        """Whole traces in which ``service`` has a part."""
        named = {each["traceID"] for each in self.ask(f"traces?service={service}") or ()}
        whole = [trace for name in named for trace in self.ask(f"traces/{name}") or ()]
        return [_spans_of(trace) for trace in whole]

    def stop(self) -> None:
        """It would wait for long, and keeps nothing."""
        self.kill()

    def _answers(self) -> bool:
        return self.ask("services") is not None


def _spans_of(trace: dict[str, Any]) -> list[Span]:
    services = {key: each["serviceName"] for key, each in trace["processes"].items()}
    return [
        Span(
            trace["traceID"],
            services[each["processID"]],
            each["operationName"],
            each["spanID"],
            next((ref["spanID"] for ref in each["references"] if ref["refType"] == "CHILD_OF"), ""),
            each["startTime"],
            each["startTime"] + each["duration"],
        )
        for each in trace["spans"]
    ]


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    with Jaeger(tmp_path) as found:
        yield found
