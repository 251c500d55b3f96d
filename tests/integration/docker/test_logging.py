"""Logs on their way to Elasticsearch: a real syslog-ng with our configuration, and a sink that takes what it would.

The sink isn't there at first: what was said meanwhile comes too.
"""

import http.server
import io
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import structlog

from local.ports import free_port
from local.process import ServerProcess
from runtime.logging import configure_logging
from tests.servers.compose import LoadCompose
from tests.servers.debian import unpacked

DOCKER = Path(__file__).parents[3] / "docker"
PACKAGES = ("syslog-ng-core", "syslog-ng-mod-http", "libivykis0", "libnet1", "libpcre3", "libesmtp6")
WAIT_S = 30


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def shipping(folder: Path, url: str) -> Iterator[int]:
    """A syslog-ng that ships to ``url``; gives the port that it listens on."""
    port, program, where = free_port(), shutil.which("syslog-ng"), {}
    words = ["-F", "--no-caps", "-f", str(DOCKER / "logging" / "syslog-ng.conf")]
    if program is None:
        root = unpacked("syslog-ng-core", *PACKAGES)
        program = str(root / "usr" / "sbin" / "syslog-ng")
        found = [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu"), root / "usr" / "lib" / "syslog-ng"]
        where = {"LD_LIBRARY_PATH": ":".join(map(str, found))}
        words += ["--module-path", *map(str, root.glob("usr/lib/syslog-ng/[0-9]*"))]
    for option, name in {"--persist-file": "persist", "--control": "control", "--pidfile": "pid"}.items():
        words += [option, str(folder / name)]
    where |= {"ELASTIC_URL": url, "LISTEN_PORT": str(port), "DATA_DIR": str(folder)}
    command = ["env", *(f"{name}={value}" for name, value in where.items()), program, *words]
    process = ServerProcess(
        "syslog-ng", command, lambda: listens(port), folder / "syslog-ng.log", marker=str(folder / "persist")
    )
    process.start()
    try:
        yield port
    finally:
        process.stop()


@contextmanager
def sink(port: int) -> Iterator[Queue[dict[str, Any]]]:
    """What comes by ``_bulk``, a document each; numbers are texts, so that every digit is seen."""
    documents: Queue[dict[str, Any]] = Queue()

    class Bulk(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            lines = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
            assert self.path == "/logs-tapeflow-default/_bulk"
            assert set(lines[::2]) == {'{"create":{}}'}
            for line in lines[1::2]:
                documents.put(json.loads(line, parse_float=str))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"errors":false}')

        def log_message(self, *_words: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Bulk)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield documents
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def event_line() -> str:
    """One of a flow, as it writes it."""
    said = io.StringIO()
    configure_logging("json", stream=said, everywhere={"flow": "live", "process": 0})
    structlog.get_logger().info("flow_started", offsets={"0": 7}, quoted='a "b" \\ c', rate=1.5, password="hush")
    configure_logging()
    return said.getvalue().strip()


def test_events_come_as_they_were_written_and_other_text_beside_them(tmp_path: Path) -> None:
    line, words, port = event_line(), 'Segmentation fault: "x" \\ y', free_port()
    with shipping(tmp_path, f"http://127.0.0.1:{port}/logs-tapeflow-default") as into:
        with socket.create_connection(("127.0.0.1", into)) as docker:
            for text in (line, words):
                docker.sendall(f"<30>1 2026-01-05T12:00:01.5Z host tapeflow-live-1 7 live - {text}\n".encode())
        with sink(port) as documents:
            event, other = documents.get(timeout=WAIT_S), documents.get(timeout=WAIT_S)
    written = json.loads(line, parse_float=str)
    assert event == {**written, "@timestamp": written["time"], "container": "tapeflow-live-1"}
    assert (other["message"], other["container"]) == (words, "tapeflow-live-1")
    assert other["@timestamp"].startswith("2026-01-05T12:00:01")
    assert "hush" not in str(event)


def test_compose_ships_the_lines_of_all_that_is_ours(load_compose: LoadCompose) -> None:
    files = (DOCKER / "compose.yaml", DOCKER / "logging" / "compose.yaml")
    given = {"GATEWAY_TOKEN_SECRET": "s" * 32, "GRAFANA_PASSWORD": "p", "ELASTIC_URL": "http://elastic:9200/logs-a-b"}
    services = load_compose(*files, environment={**given, "COMPOSE_PROFILES": "ingest"})["services"]
    ours = {name for name, each in services.items() if each["image"].startswith("tapeflow:")}
    assert {name for name, each in services.items() if "logging" in each} == ours
    (port,) = services["logs"]["ports"]
    for name in ours:
        options = services[name]["logging"]["options"]
        assert options["syslog-address"] == f"tcp://{port['host_ip']}:{port['published']}"
        assert "logs" in services[name]["depends_on"]
    assert services["logs"]["environment"]["LISTEN_PORT"] == str(port["target"])
