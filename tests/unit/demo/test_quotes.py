"""The demo's quotes by hand: what a client must hold of a ticker and a quote, and what the flow has read."""

from decimal import Decimal
from typing import Any

import pytest

from demo.quotes import quotes_read, seen_ticker

QUOTE: dict[str, Any] = {
    "type": "quote", "symbol": "A", "bid": 3, "ask": 4, "bidSize": 5, "askSize": 6, "mid": Decimal("3.5"), "spread": 1,
    "quoteTimestamp": 100, "quoteSequence": 7, "exchange": "X",
}  # fmt: skip


def ticker(time_ms: int, bid: object = 1, ask: object = 2) -> dict[str, Any]:
    return {"symbol": "A", "price": 9, "bid": bid, "ask": ask, "timestamp": time_ms, "exchange": "Y"}


def test_without_a_quote_a_ticker_is_as_it_was() -> None:
    assert seen_ticker(ticker(1), None) == ticker(1)
    assert seen_ticker({}, QUOTE) == {}


@pytest.mark.parametrize("own", [ticker(99), ticker(100), ticker(101, None), ticker(101, 1, None)])
def test_the_quote_is_seen_where_it_is_later_or_alone(own: dict[str, Any]) -> None:
    seen = seen_ticker(own, QUOTE)
    assert (seen["bid"], seen["ask"], seen["bidSize"], seen["quoteTimestamp"]) == (3, 4, 5, 100)
    assert (seen["price"], seen["exchange"], seen["timestamp"]) == (9, "Y", own["timestamp"])


def test_later_trades_bring_their_own() -> None:
    seen = seen_ticker(ticker(101), QUOTE)
    assert (seen["bid"], seen["ask"], seen["bidSize"], seen["askSize"]) == (1, 2, None, None)
    assert (seen["mid"], seen["spread"], seen["quoteTimestamp"], seen["quoteSequence"]) == (Decimal("1.5"), 1, 101, 7)


def test_records_read_are_those_of_all_partitions() -> None:
    read = {("tapeflow_records_read_total", (("partition", f"{at}"),)): 2.0 + at for at in range(3)}
    assert quotes_read({**read, ("tapeflow_lag_records", ()): 9.0}) == 9
