"""Addresses for people, the address that is bound, and ports: what is decided before any process starts."""

import socket

import pytest

from processes.gateway_processes import Addresses, checked_port, prepare_gateway
from runtime.settings.whole import Settings
from schemas.errors import SettingError

KEYED = {"gateway_token_secret": "0123456789abcdef0123456789abcdef"}


@pytest.mark.parametrize(
    ("changed", "websocket", "rest", "is_open"),
    [
        ({}, "ws://127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ({"gateway_host": "0.0.0.0"}, "ws://127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ({"gateway_host": "0.0.0.0", **KEYED}, "ws://127.0.0.1:8080", "http://127.0.0.1:8080", False),
        ({"gateway_host": "10.0.0.7", **KEYED}, "ws://10.0.0.7:8080", "http://10.0.0.7:8080", False),
        ({"gateway_host": "::1", "gateway_tls_cert": "c"}, "wss://[::1]:8080", "https://[::1]:8080", True),
    ],
)  # fmt: skip
def test_addresses_are_those_of_a_client_on_this_machine(
    changed: dict[str, str], websocket: str, rest: str, is_open: bool
) -> None:
    assert Addresses.of(Settings(**changed)) == Addresses(websocket, rest, is_open)  # type: ignore[arg-type]


def test_lines_to_paste_carry_a_token_where_one_is_needed() -> None:
    open_lines = Addresses("ws://h:1", "http://h:2", True).pasted("BTC/USDT")
    assert open_lines[0] == 'echo \'{"type":"subscribe","symbols":["BTC/USDT"]}\' | websocat -n "ws://h:1/ws/prices"'
    assert open_lines[1] == "curl http://h:2/api/prices/BTC%2FUSDT"
    guarded = Addresses("ws://h:1", "http://h:2", False).pasted("BTC/USDT")
    assert guarded[0] == "TOKEN=$(tapeflow token me)"
    assert all("$TOKEN" in line for line in guarded[1:-1])


def test_health_pages_follow_tls() -> None:
    assert Addresses("wss://h:1", "https://h:1", True).health_page == "https://h:1/health"


def test_a_port_in_use_is_said_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=rf"127.0.0.1:{port}\): set another TAPEFLOW_GATEWAY_REST_PORT"):
            checked_port(Settings(gateway_rest_port=port), "gateway_rest_port")
    assert checked_port(Settings(gateway_port=0), "gateway_port") > 0


def test_a_second_port_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processes.gateway_processes.checked_port", getattr)
    with pytest.raises(SettingError, match="a second port must be another one"):
        prepare_gateway(Settings(gateway_port=9999, gateway_rest_port=9999))
