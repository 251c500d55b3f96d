"""``tapeflow watch``: an address that is none is one line, and our own key opens our own gateway alone."""

import jwt
import pytest

from runtime.settings.whole import Settings
from schemas.errors import SettingError
from tapeflow.commands.watch import check_url, own_token

SECRET = "a secret of thirty-two bytes or more"


@pytest.mark.parametrize("url", ["", "ws://host:8080", "wss://host/path", "ws://[::1]:80"])
def test_addresses(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize("url", ["host:8080", "http://host", "ws://", "ws://host:99999", "ws://[::1", "ws://host:0"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(SettingError, match="no address of a gateway") as refused:
        check_url(url)
    assert refused.value.where == "--url"


def test_a_token_is_made_for_our_own_gateway_alone() -> None:
    settings = Settings(gateway_token_secret=SECRET)
    assert jwt.decode(own_token(settings, ""), SECRET, ["HS256"])["userId"] == "watch"
    assert own_token(settings, "ws://elsewhere:1") == ""
    assert own_token(Settings(gateway_token_secret=""), "") == ""
