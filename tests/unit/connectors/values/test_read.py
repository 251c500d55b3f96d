"""What a venue's words become for kernels, and what decoders count with them afterwards."""

import numpy as np
import pytest

from connectors.values.fields import TIME_UNITS, Field
from connectors.values.read import Values
from connectors.values.times import NO_ORIGIN
from kernels.decimal_text import from_pair, to_pair
from schemas.columns import BUY, SELL, TRADE, UNKNOWN, TradeBatch
from schemas.trade_words import TradeWords


def test_rules_are_the_words_as_kernels_take_them() -> None:
    values = Values(TradeWords(price_scale=4, size_scale=2, round_numbers=True), "ms")
    rules = values.rules
    assert (rules.time_unit, rules.origin_us) == (TIME_UNITS["ms"], NO_ORIGIN)
    assert (rules.price_scale, rules.size_scale, rules.rounding) == (4, 2, True)
    assert (values.scale_of(Field.SIZE), values.scale_of(Field.PRICE), values.scale_of(Field.BID)) == (2, 4, 4)


def test_times_from_an_origin_are_seconds_unless_their_unit_is_said() -> None:
    assert Values(TradeWords(time_origin_us=5)).time_unit == TIME_UNITS["s"]
    assert Values(TradeWords(time_origin_us=5)).origin_us == 5
    named = Values(TradeWords(time_origin_us=5), "ns")
    assert named.time_unit == TIME_UNITS["ns"]
    named.set_unit(TIME_UNITS["us"])
    assert named.time_unit == TIME_UNITS["us"]


@pytest.mark.parametrize(("side_of", "plus", "minus"), [("taker", BUY, SELL), ("maker", SELL, BUY)])
def test_signs_become_sides_where_the_venue_writes_them_so(side_of: str, plus: int, minus: int) -> None:
    rows = np.zeros(3, TRADE)
    rows["side"] = UNKNOWN
    for row, size in zip(rows, (5, -(2**64), 0), strict=True):
        row["size_hi"], row["size_lo"] = to_pair(size)
    untouched = rows.copy()
    Values(TradeWords()).fold_signs(untouched)
    assert (untouched == rows).all()
    Values(TradeWords(signed_size=True, side_of=side_of)).fold_signs(rows)  # type: ignore[arg-type]
    assert rows["side"].tolist() == [plus, minus, UNKNOWN]
    assert [from_pair(int(row["size_hi"]), int(row["size_lo"])) for row in rows] == [5, 2**64, 0]


def test_rounded_numbers_are_counted_where_they_may_be() -> None:
    rows = np.zeros(3, TRADE)
    rows["rounded"] = [1, 0, 1]
    assert Values(TradeWords(round_numbers=True)).count(TradeBatch("t", 0, rows, b"", 3, 3)).rounded == 2
    assert Values(TradeWords()).count(TradeBatch("t", 0, rows, b"", 3, 3)).rounded == 0
