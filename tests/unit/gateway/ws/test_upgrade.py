"""Requests that open a WebSocket, as another library and browsers write them, and those that are refused."""

import pytest
from websockets.client import ClientProtocol
from websockets.http11 import Response
from websockets.uri import parse_uri

from gateway.ws.upgrade import Refused, Request, accepted, answer, key_of, read_request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": KEY}


def head(*lines: str, first: str = "GET /ws/prices?token=a HTTP/1.1") -> bytes:
    return "\r\n".join((first, *lines)).encode("latin-1")


def test_another_library_takes_the_answer() -> None:
    client = ClientProtocol(parse_uri("ws://localhost/ws/prices"), subprotocols=["msgpack"])  # type: ignore[list-item]
    client.send_request(client.connect())
    request = read_request(client.data_to_send()[0].removesuffix(b"\r\n\r\n"))
    assert isinstance(request, Request)
    assert request.target == "/ws/prices"
    key = key_of(request.headers)
    assert isinstance(key, bytes)
    client.receive_data(accepted(key, "msgpack", ""))
    (found,) = client.events_received()
    assert isinstance(found, Response)
    assert client.handshake_exc is None
    assert client.subprotocol == "msgpack"


def test_the_example_of_the_rfc() -> None:
    assert accepted(KEY.encode(), "", "").endswith(b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def test_headers_in_any_case_and_on_several_lines() -> None:
    request = read_request(head("HOST:  h ", "x-forwarded-for: 1.1.1.1", "X-Forwarded-For:2.2.2.2", "A:", "B: \xe9"))
    assert isinstance(request, Request)
    assert request.headers == {"host": "h", "x-forwarded-for": "1.1.1.1, 2.2.2.2", "a": "", "b": "\xe9"}


def test_firefox_keeps_the_connection_alive_too() -> None:
    assert key_of({**GOOD, "connection": "keep-alive, Upgrade"}) == KEY.encode()


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(first="POST / HTTP/1.1"), 400),
        (head(first="GET / HTTP/1.0"), 400),
        (head(first="GET  HTTP/1.1"), 400),
        (head(first="GET / HTTP/1.1 "), 400),
        (head("A b: c"), 400),
        (head(": c"), 400),
        (head("no colon"), 400),
        (head("A: b", " folded"), 400),
        (head("A: b\nC: d"), 400),
        (head("A: b\x00"), 400),
        (head("Transfer-Encoding: chunked"), 400),
        (head("Content-Length: 5"), 400),
        (head(*["A: b"] * 129), 431),
    ],
)
def test_requests_that_are_refused(request_head: bytes, status: int) -> None:
    found = read_request(request_head)
    assert isinstance(found, Refused)
    assert found.status == status
    assert answer(found.status, found.why.encode()).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("upgrade", "h2c", 400),
        ("connection", "keep-alive", 400),
        ("sec-websocket-version", "8", 426),
        ("sec-websocket-key", "", 400),
        ("sec-websocket-key", "c2hvcnQ=", 400),
        ("sec-websocket-key", "not base64 at all", 400),
        ("sec-websocket-key", f"{KEY}, {KEY}", 400),
        ("sec-websocket-key", "\xe9" * 24, 400),
    ],
)
def test_what_is_no_request_for_a_websocket(name: str, value: str, status: int) -> None:
    found = key_of({**GOOD, name: value})
    assert isinstance(found, Refused)
    assert found.status == status
