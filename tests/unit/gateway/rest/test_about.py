"""What the gateway says of itself is what its settings say."""

import asyncio

import msgspec
import pytest

from gateway.rest.about import AboutAnswer, Gateway
from runtime.settings.whole import Settings


def told(settings: Settings, *, is_open: bool) -> AboutAnswer:
    operation = Gateway(settings, "9.9.9", is_open=is_open).operations()[0]
    assert (operation.public, operation.limited) == (True, False)
    reply = asyncio.run(operation.handler(None))  # type: ignore[arg-type]  # it asks nothing of the call
    assert reply is not None
    return msgspec.json.decode(reply.body, type=AboutAnswer)


@pytest.mark.parametrize("is_open", [True, False])
def test_it_says_who_gets_in_and_within_which_bounds(is_open: bool) -> None:
    settings = Settings(gateway_symbols_max=7, gateway_in_per_s=8, gateway_requests_per_minute=9)
    answer = told(settings, is_open=is_open)
    assert answer.token_needed is not is_open
    assert (answer.version, answer.symbols_max, answer.messages_per_s, answer.requests_per_minute) == ("9.9.9", 7, 8, 9)
    assert answer.intervals == ("1m", "5m", "15m", "1h", "4h", "1D", "1W")
    assert "routing-metrics" in answer.channels
    assert "news" in answer.events
