"""Rows of trades as rows of quotes: what goes where, and each thing that can be wrong with an ask."""

import numpy as np
import pytest

from core.quotes.rows import quote_rows, refuse_asks, what_is_wrong
from schemas.columns import TRADE, TradeRows
from schemas.rejects import Reason


def row(**values: int) -> TradeRows:
    rows = np.zeros(1, TRADE)
    good = {"price_lo": 5, "size_lo": 6, "bid_lo": 7, "ask_lo": 8, "has_bid": 1, "has_ask": 1}
    for name, value in {**good, **values}.items():
        rows[name] = value
    return rows


def test_the_columns_of_a_quote() -> None:
    (quote,) = quote_rows(row(offset=3, timestamp_ms=4, event_time_us=5, symbol_at=1, symbol_len=2, exchange_len=3))
    assert (quote["bid_lo"], quote["bid_size_lo"], quote["ask_lo"], quote["ask_size_lo"]) == (5, 6, 7, 8)
    assert (quote["offset"], quote["timestamp_ms"], quote["event_time_us"]) == (3, 4, 5)
    assert (quote["symbol_at"], quote["symbol_len"], quote["exchange_len"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("values", "reason", "told"),
    [
        ({}, Reason.NONE, ""),
        ({"price_lo": 9}, Reason.NONE, ""),  # crossed
        ({"has_bid": 0}, Reason.MISSING_FIELD, "missing: ask"),
        ({"has_ask": 0}, Reason.MISSING_FIELD, "missing: ask_size"),
        ({"bid_lo": 0}, Reason.PRICE_NOT_POSITIVE, "ask is 0"),
        ({"bid_hi": -1, "bid_lo": 2**64 - 10**10}, Reason.PRICE_NOT_POSITIVE, "ask is -1"),
        ({"ask_hi": -1, "ask_lo": 2**64 - 10**10}, Reason.SIZE_NEGATIVE, "ask_size is -1"),
        ({"ask_lo": 0}, Reason.NONE, ""),
        ({"reason": Reason.PRICE_NOT_POSITIVE, "price_lo": 0, "bid_lo": 0}, Reason.PRICE_NOT_POSITIVE, "bid is 0"),
        (
            {"reason": Reason.SIZE_NEGATIVE, "size_hi": -1, "size_lo": 2**64 - 10**9},
            Reason.SIZE_NEGATIVE,
            "bid_size is -0.1",
        ),
        ({"reason": Reason.MISSING_FIELD}, Reason.MISSING_FIELD, ""),
        ({"reason": Reason.BAD_SYMBOL, "has_bid": 0}, Reason.BAD_SYMBOL, ""),
    ],
)
def test_what_an_ask_may_be(values: dict[str, int], reason: Reason, told: str) -> None:
    rows = row(**values)
    refuse_asks(rows)
    assert (rows["reason"][0], what_is_wrong(rows[0])) == (reason, told)
