"""The examples of docs/gateway.md, as they stand there, against a running demo.

A block that follows ``<!-- runs: prints "…" -->`` is run until it has printed that; only addresses are replaced. Those
that run ``with a token`` meet a second gateway with a secret. What needs websocat, Chromium or npm says so when absent.
"""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from local.ports import free_port
from tests.integration.gateway.browser import CHROMIUM, Quiet
from tests.integration.gateway.demo_command import running_demo
from tests.integration.gateway.gateway_command import ROOT, running_gateway
from tests.integration.gateway.rest_server import eventually
from tests.integration.web.node import web_modules
from tests.servers.needs import must_have

PAGE = ROOT / "docs" / "gateway.md"
BLOCK = re.compile(r'<!-- runs( with a token)?: prints "(.+?)" -->\n```(\w+)\n(.*?)```', re.DOTALL)
SECRET = "a-secret-of-an-example-a-secret-of-an-example"
PRINTS_S = 45


class Example(NamedTuple):
    number: int
    with_token: bool
    prints: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.number}-{self.language}-{re.sub(r'[^a-z]+', '-', self.prints.lower()).strip('-')}"


def examples() -> list[Example]:
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    return [Example(number, bool(token), *rest) for number, (token, *rest) in enumerate(found)]


@dataclass
class Place:
    """Where the examples run: addresses of a gateway, the environment of its owner, a folder, the origin of a page."""

    websocket: str
    rest: str
    environment: dict[str, str]
    folder: Path
    origin: str = ""

    def fitted(self, text: str) -> str:
        return text.replace("ws://127.0.0.1:8080", self.websocket).replace("http://127.0.0.1:8080", self.rest)


def bare_environment(folder: Path) -> dict[str, str]:
    """No settings of whoever runs the tests; ``tapeflow`` is a command."""
    binary = folder / "bin" / "tapeflow"
    binary.parent.mkdir()
    binary.write_text(f"#!{sys.executable}\nimport sys\nfrom tapeflow.cli import main\nsys.exit(main())\n")
    binary.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    path = os.pathsep.join((str(binary.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """``tapeflow demo``, until the last example is done; then it must prove itself."""
    folder = tmp_path_factory.mktemp("examples")
    environment = bare_environment(folder)
    with running_demo(folder, environment=environment) as running:
        owner = {**environment, **running.gateway_settings()}
        yield Place(running.websocket, running.rest, owner, folder, f"http://localhost:{free_port()}")


@pytest.fixture(scope="module")
def guarded(demo: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A gateway that asks for tokens, on the demo's Redis and ClickHouse."""
    folder = tmp_path_factory.mktemp("guarded")
    redis_url = demo.environment["TAPEFLOW_REDIS_URL"]
    with running_gateway(folder, redis_url, gateway_token_secret=SECRET) as gateway:
        environment = {**demo.environment, "TAPEFLOW_GATEWAY_TOKEN_SECRET": SECRET}
        yield Place(gateway.websocket, gateway.rest, environment, folder)


def command_of(example: Example, place: Place) -> list[str]:
    """The command that runs the example; skips visibly what this machine lacks."""
    text = place.fitted(example.text)
    if "websocat" in text and not shutil.which("websocat"):
        pytest.skip("needs websocat")
    if re.search(r"\bcurl\b", text):
        must_have("curl")
    if example.language == "sh":
        return ["bash", "-euo", "pipefail", "-c", text]
    if example.language == "python":
        return [sys.executable, "-c", text]
    if example.language == "js":
        return node_command(text)
    (place.folder / "index.html").write_text(text)
    must_have("chromium")
    return [*CHROMIUM, f"--user-data-dir={place.folder / 'profile'}", f"{place.origin}/index.html"]


def node_command(text: str) -> list[str]:
    if not shutil.which("node"):
        pytest.skip("needs node")
    major = int(subprocess.check_output(["node", "--version"], text=True).lstrip("v").split(".")[0])
    if major < 20:
        pytest.skip("needs node 20 or newer, which has WebSocket")
    return ["node", *(["--experimental-websocket"] if major < 22 else []), "-e", text]


@contextlib.contextmanager
def served(place: Place) -> Iterator[None]:
    """The folder as a web site at ``origin``."""
    if not place.origin:
        yield
        return
    handler = functools.partial(Quiet, directory=str(place.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", int(place.origin.rpartition(":")[2])), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def run_until(command: list[str], place: Place, wanted: str) -> str:
    """What it printed, up to and with the line that holds ``wanted``, or all of it; ends the whole group."""
    printed: list[str] = []
    with subprocess.Popen(
        command, env=place.environment, cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        killer = threading.Timer(PRINTS_S, os.killpg, (process.pid, signal.SIGKILL))
        killer.start()
        try:
            for line in process.stdout:
                printed.append(line)
                if wanted in line:
                    break
        finally:
            killer.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return "".join(printed)


@pytest.mark.parametrize("example", examples(), ids=str)
def test_example_prints_what_it_says(example: Example, request: pytest.FixtureRequest) -> None:
    place: Place = request.getfixturevalue("guarded" if example.with_token else "demo")
    command = command_of(example, place)
    with served(place):
        assert example.prints in run_until(command, place, example.prints)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("origins", "wanted"),
    [("", "closed 4003 origin not allowed: name it in TAPEFLOW_GATEWAY_ORIGINS"), ("null", "bar 1m")],
)
def test_the_page_opened_as_a_file(demo: Place, tmp_path: Path, origins: str, wanted: str) -> None:
    must_have("chromium")
    (example,) = [each for each in examples() if each.language == "html"]
    with running_gateway(tmp_path, demo.environment["TAPEFLOW_REDIS_URL"], gateway_origins=origins) as gateway:
        page = tmp_path / "page.html"
        place = Place(gateway.websocket, gateway.rest, demo.environment, tmp_path)
        page.write_text(place.fitted(example.text))
        assert wanted in run_until([*CHROMIUM, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()], place, wanted)


def test_the_same_works_with_the_npm_package_ws(demo: Place) -> None:
    (demo.folder / "node_modules").symlink_to(web_modules())
    (example,) = [each for each in examples() if each.language == "js"]
    script = demo.folder / "example.mjs"
    script.write_text('import WebSocket from "ws";\n' + demo.fitted(example.text))
    assert example.prints in run_until(["node", str(script)], demo, example.prints)


def test_lines_that_the_demo_printed_work(demo: Place) -> None:
    must_have("curl")
    lines = [line.strip() for line in (demo.folder / "demo.log").read_text().splitlines() if line.startswith("  curl ")]
    assert len(lines) == 4
    for line, wanted in zip(lines, ("BTC/USDT", "tradeCount", "retry: 5000", "subscriptions"), strict=True):
        assert wanted in run_until(["bash", "-c", line], demo, wanted), line


def test_the_market_of_the_demo_runs_up_to_now(demo: Place) -> None:
    def trades() -> bool:
        with urllib.request.urlopen(f"{demo.rest}/api/stats/BTC%2FUSDT?period=1h", timeout=10) as answer:
            return json.load(answer)["trades"] > 0

    eventually(trades, 60)


def test_every_kind_of_example_is_there() -> None:
    found = examples()
    assert {each.language for each in found} == {"python", "js", "html", "sh"}
    assert all(any(tool in each.text for each in found) for tool in ("curl", "websocat", "tapeflow watch"))
