"""Troubles with venues in words."""

import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from jobs.ingest.trouble import RETRY_AFTER_S_MAX, retry_after_s, words_of

ADDRESS = "wss://ws.example.org:8443/v2"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionClosedError(Close(1001, "bye"), None), "closed with 1001 bye"),
        (ConnectionClosedError(None, None), "closed with 1006 cut"),
        (InvalidStatus(Response(451, "", Headers())), "HTTP 451: the venue refuses this country"),
        (InvalidStatus(Response(500, "", Headers())), "HTTP 500: no success"),
        (socket.gaierror(-2, "unknown"), "no address is known for ws.example.org:8443: check the network"),
        (ConnectionRefusedError(111, "refused"), "ws.example.org:8443 refuses connections"),
        (ssl.SSLError(1, "bad"), "ws.example.org:8443 can't be trusted"),
        (TimeoutError(), "ws.example.org:8443 doesn't answer"),
        (InvalidMessage("no HTTP"), "ws.example.org:8443 is no WebSocket: no HTTP"),
        (OSError(101, "Network is unreachable"), "ws.example.org:8443: Network is unreachable"),
        (ValueError("odd\n  thing"), "odd thing"),
        (ValueError(), "ValueError"),
    ],
)
def test_each_is_one_line(error: BaseException, said: str) -> None:
    assert said in words_of(error, ADDRESS)
    assert "\n" not in words_of(error, ADDRESS)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), (None, 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("99999999", RETRY_AFTER_S_MAX)],
)
def test_how_long_to_wait(text: str | None, seconds: float) -> None:
    assert retry_after_s(text) == seconds
