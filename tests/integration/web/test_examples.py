"""The examples of ``web/examples``, as they stand there, against a running demo.

The packages are built, as the page says; the pages run in Chromium, the others in Node. No Grafana is started: what is
pushed comes to a server that reads it, and the dashboard is held against that.
"""

import http.server
import json
import os
import queue
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from local.ports import free_port
from tests.integration.gateway.browser import Site
from tests.integration.gateway.demo_command import DemoCommand
from tests.integration.web.chromium import Visit
from tests.integration.web.node import WEB, npm

pytestmark = pytest.mark.thorough

EXAMPLES = WEB / "examples"
WITHIN_S = 60
LINE = re.compile(r"prices,symbol=(?:[^,= \\]|\\.)+ (?:[a-z]+=-?[\d.]+(?:e-?\d+)?,?)+ (\d{19})")


@pytest.fixture(scope="module")
def built() -> None:
    done = npm("run", "build", "-w", "client", "-w", "react")
    assert done.returncode == 0, done.stdout + done.stderr


def started(script: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["node", str(EXAMPLES / script), *words],
        cwd=WEB, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> str:
    """Ends ``process`` as Ctrl-C does; what it said on stderr."""
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


@pytest.mark.usefixtures("built")
def test_plain_page(demo: DemoCommand, browser: Browser) -> None:
    with Site(WEB) as site, Visit(browser, site.origin) as visit:
        visit.open("/examples/plain/?" + urlencode({"url": demo.rest}))
        page = visit.page
        page.wait_for_function("document.getElementById('state').textContent === 'OPEN'", timeout=WITHIN_S * 1000)
        shown = "[...document.querySelectorAll('#rows tr')].every((row) => Number(row.cells[1].textContent) > 0)"
        page.wait_for_function(shown, timeout=WITHIN_S * 1000)
        assert not visit.errors


def test_react_page(demo: DemoCommand, browser: Browser, tmp_path: Path) -> None:
    made = npm("exec", "--", "vite", "build", "examples/react", "--outDir", str(tmp_path / "site"), "--base", "./",
               "--config", "examples/react/vite.config.ts")  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    with Site(tmp_path / "site") as site, Visit(browser, site.origin) as visit:
        visit.open("/?" + urlencode({"url": demo.rest}))
        page = visit.page
        page.get_by_role("status").get_by_text("Live").wait_for(timeout=WITHIN_S * 1000)
        page.wait_for_function("Number(document.getElementById('chart')?.dataset.bars) > 0", timeout=WITHIN_S * 1000)
        page.wait_for_function("!document.body.textContent.includes('waiting')", timeout=WITHIN_S * 1000)
        page.get_by_role("button", name="ETH/USDT").click()
        page.get_by_role("heading", name="ETH/USDT").wait_for()
        page.wait_for_function("Number(document.getElementById('chart')?.dataset.bars) > 0", timeout=WITHIN_S * 1000)
        assert not visit.errors


@pytest.mark.usefixtures("built")
def test_node(demo: DemoCommand) -> None:
    process = started("node/prices.mjs", "BTC/USDT", TAPEFLOW_URL=demo.rest)
    assert process.stdout is not None
    for line in (process.stdout.readline(), process.stdout.readline()):
        assert re.fullmatch(r"BTC/USDT \d+(\.\d+)?\n", line)
    assert ended(process).split() == ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]


@pytest.mark.usefixtures("built")
def test_node_without_a_gateway_stays_and_says_why() -> None:
    process = started("node/prices.mjs", TAPEFLOW_URL=f"http://127.0.0.1:{free_port()}")
    assert process.stderr is not None
    said = [process.stderr.readline() for _ in range(3)]
    assert said == ["CONNECTING\n", "RECONNECTING\n", "The connection was lost, or the server could not be reached\n"]
    ended(process)


@pytest.fixture
def pushed() -> Iterator[tuple[str, "queue.Queue[tuple[str, str, str]]"]]:
    """Where a Grafana would be, and what comes there: path, Authorization, body."""
    posts: queue.Queue[tuple[str, str, str]] = queue.Queue()

    class Grafana(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posts.put((self.path, self.headers["Authorization"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Grafana) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", posts
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("built")
def test_grafana(demo: DemoCommand, pushed: tuple[str, "queue.Queue[tuple[str, str, str]]"]) -> None:
    place, posts = pushed
    process = started("grafana/push.mjs", "BTC/USDT", "ETH/USDT",
                      TAPEFLOW_URL=demo.rest, GRAFANA_URL=place, GRAFANA_TOKEN="glsa_test")  # fmt: skip
    path, authorization, body = posts.get(timeout=WITHIN_S)
    assert (path, authorization) == ("/api/live/push/tapeflow", "Bearer glsa_test")
    assert all(LINE.fullmatch(line) for line in body.splitlines()), body
    posts.get(timeout=WITHIN_S)
    assert ended(process) == ""
    fields = {"time", "symbol", *re.findall(r"[ ,]([a-z]+)=", body)}
    dashboard = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        (target,) = panel["targets"]
        assert target["channel"] == "stream/tapeflow/prices"
        assert (target["queryType"], target["datasource"]["uid"]) == ("measurements", "grafana")
        assert set(target["filter"]["fields"]) <= fields


def test_grafana_lines_escape_symbols() -> None:
    script = (
        f"import {{ lineOf }} from {json.dumps((EXAMPLES / 'grafana' / 'push.mjs').as_uri())};"
        "console.log(lineOf({ symbol: 'ES=F, a', price: 1.5, bid: null, ask: 1e-7, volume: 0 }, 1700000000000));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, "no-file"],
        cwd=WEB, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.stdout == "prices,symbol=ES\\=F\\,\\ a price=1.5,ask=1e-7,volume=0 1700000000000000000\n", done.stderr
    assert LINE.fullmatch(done.stdout.strip())
