"""What one connection may carry on the one port: heads in pieces, several requests, big bodies, streams, TLS."""

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.integration.gateway.rest_server import eventually
from tests.integration.gateway.ws_world import own_redis
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost "
    "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem"
)


@pytest.fixture(scope="module", params=["plain", "tls"])
def gateway(
    own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[GatewayCommand]:
    folder = tmp_path_factory.mktemp("port")
    tls = {}
    if request.param == "tls":
        subprocess.run(["openssl", *CERTIFICATE.split()], cwd=folder, check=True, capture_output=True)
        tls = {"gateway_tls_cert": str(folder / "cert.pem"), "gateway_tls_key": str(folder / "key.pem")}
    with running_gateway(folder, own_redis.url, **tls) as running:
        yield running


def trusting(gateway: GatewayCommand) -> ssl.SSLContext | None:
    cert = gateway.settings.gateway_tls_cert
    return ssl.create_default_context(cafile=cert) if cert else None


def opened(gateway: GatewayCommand) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", gateway.settings.gateway_port), 20)
    context = trusting(gateway)
    return context.wrap_socket(connection, server_hostname="127.0.0.1") if context else connection


def read_until(connection: socket.socket, count: int, what: bytes) -> bytes:
    data = b""
    while data.count(what) < count:
        more = connection.recv(65_536)
        assert more, data
        data += more
    return data


def test_requests_in_a_row_and_all_at_once(gateway: GatewayCommand) -> None:
    with opened(gateway) as connection:
        for _ in range(3):
            connection.sendall(HEALTH)
            assert read_until(connection, 1, b'"uptimeS"').startswith(b"HTTP/1.1 200 ")
        connection.sendall(HEALTH * 5)
        assert read_until(connection, 5, b'"uptimeS"').count(b"HTTP/1.1 200 ") == 5


def test_a_head_in_single_bytes(gateway: GatewayCommand) -> None:
    with opened(gateway) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEALTH:
            connection.sendall(bytes([byte]))
        assert b'"status":"ok"' in read_until(connection, 1, b'"uptimeS"')


def test_head_and_a_body_too_big(gateway: GatewayCommand) -> None:
    place, context = ("127.0.0.1", gateway.settings.gateway_port), trusting(gateway)
    client = http.client.HTTPSConnection(*place, context=context) if context else http.client.HTTPConnection(*place)
    client.request("HEAD", "/health")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    headers = {"Content-Type": "application/json"}
    symbols = [f"S{number}" for number in range(1000)]
    client.request("POST", "/api/watchlists", json.dumps({"name": "many", "symbols": symbols}), headers)
    answer = client.getresponse()
    assert answer.status in (201, 400)
    assert answer.read()
    client.request("POST", "/api/watchlists", b"{" + b" " * 200_000, headers)
    answer = client.getresponse()
    assert (answer.status, json.loads(answer.read())["message"]) == (400, "The body is too big")
    client.close()


def test_who_leaves_a_stream_is_noticed(gateway: GatewayCommand) -> None:
    page = f"{gateway.rest}/metrics"

    def listening() -> float:
        text = subprocess.check_output(["curl", "-sk", page], text=True, timeout=20)
        return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("tapeflow_sse_clients "))

    with opened(gateway) as connection:
        connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        read_until(connection, 1, b"retry: 5000")
        assert listening() == 1
    eventually(lambda: listening() == 0, 20)


def test_websocket_beside_it(gateway: GatewayCommand) -> None:
    with connect(f"{gateway.websocket}/ws/quotes", ssl=trusting(gateway), proxy=None) as connection:
        assert json.loads(connection.recv(timeout=20))["type"] == "connected"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /ws/prices HTTP/1.1\r\nHost: localhost\r\n\r\n", b"426"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
        (b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", b"403"),
        (b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"\x16\x03\x01 what", b"400"),
        (b"GET /health HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
def test_what_it_answers_beside_its_pages(gateway: GatewayCommand, request_bytes: bytes, status: bytes) -> None:
    with opened(gateway) as connection:
        connection.sendall(request_bytes)
        assert connection.recv(65_536).split()[1] == status
