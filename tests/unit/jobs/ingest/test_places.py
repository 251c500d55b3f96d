"""Where venues are."""

import pytest

from jobs.ingest.places import is_local, places_of
from schemas.errors import SettingError


def test_a_setting_moves_a_venue_and_keeps_the_path() -> None:
    texts = ["bitget=ws://127.0.0.1:1", "bitget=http://127.0.0.1:2/", "okx=wss://wsus.okx.com:8443"]
    places = places_of(texts, ["bitget", "okx", "kraken"])
    assert places["bitget"].websocket("wss://ws.bitget.com/v2/ws/public?a=1") == "ws://127.0.0.1:1/v2/ws/public?a=1"
    assert places["bitget"].rest("https://api.bitget.com/api?x=1&y=2") == "http://127.0.0.1:2/api?x=1&y=2"
    assert places["okx"].websocket("wss://ws.okx.com:8443/ws") == "wss://wsus.okx.com:8443/ws"
    assert places["okx"].rest("https://www.okx.com/api") == "https://www.okx.com/api"
    assert places["kraken"].websocket("wss://ws.kraken.com/v2") == "wss://ws.kraken.com/v2"


def test_a_venue_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(SettingError, match="unknown venue nyse"):
        places_of(["nyse=ws://127.0.0.1:1"], ["bitget"])


def test_this_machine_is_local() -> None:
    assert is_local("ws://127.0.0.1:1/x")
    assert is_local("http://localhost")
    assert not is_local("wss://ws.bitget.com")
