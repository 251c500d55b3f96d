"""The server of metrics under connections that say nothing, or never finish: Prometheus is answered all the same."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, make_wsgi_app

from runtime import bounded_server
from runtime.bounded_server import CONNECTIONS_MAX, BoundedServer


@pytest.fixture
def port() -> Iterator[int]:
    server = BoundedServer("127.0.0.1", 0, make_wsgi_app(CollectorRegistry()))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def ended(client: socket.socket) -> bool:
    client.settimeout(10)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def scraped(port: int) -> bool:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return bool(answer.status == 200)


def test_silent_connections_make_room_for_a_scrape(port: int) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(CONNECTIONS_MAX + 8)
        ]
        assert scraped(port)
        assert ended(silent[0]), "the oldest makes room"


def test_a_request_that_never_ends_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "REQUEST_S", 0.1)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nX-")
        assert ended(client)
    assert scraped(port)


def test_a_scraper_that_leaves_leaves_no_traceback(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert scraped(port)
    assert capfd.readouterr().err == ""
