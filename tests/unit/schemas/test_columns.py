"""Tables between steps: records are found by their ends, rows lie in whole words, and each batch has a length."""

from typing import Any

import numpy as np

from schemas.columns import BAR, PLACE, TICKER, TRADE, BarBatch, RawBatch, TickerBatch, TradeBatch


def raw(values: list[bytes]) -> RawBatch:
    numbers = np.arange(len(values), dtype=np.int64)
    ends = np.cumsum([len(value) for value in values], dtype=np.int64)
    return RawBatch("trades", 0, b"".join(values), ends, numbers, numbers, [None] * len(values))


def test_a_record_is_between_the_ends_of_two() -> None:
    values = [b"first", b"", b"third"]
    batch = raw(values)
    assert len(batch) == 3
    assert [batch.value(index) for index in range(3)] == values
    assert len(raw([])) == 0


def test_batches_are_as_long_as_their_rows() -> None:
    assert len(TradeBatch("trades", 0, np.zeros(3, TRADE), b"", 4, 9)) == 3
    assert len(BarBatch(["A"], np.zeros(2, BAR))) == 2
    assert len(TickerBatch(["A"], ["X"], np.zeros(1, TICKER))) == 1


def test_batches_of_trades_share_no_lists() -> None:
    one, other = (TradeBatch("trades", 0, np.zeros(0, TRADE), b"", 0, 0) for _ in range(2))
    one.unknown_sides["buyer"] = 1
    assert (other.rejects, other.unknown_sides) == ([], {})
    assert one.rejects is not other.rejects


def test_fields_lie_at_multiples_of_their_width() -> None:
    """Compiled code reads a field with one load, and copies a row in whole words."""
    for table in (TRADE, PLACE, BAR, TICKER):
        assert table.itemsize % 8 == 0
        assert [name for name in table.names or () if _is_crooked(table, name)] == []


def _is_crooked(table: np.dtype[Any], name: str) -> bool:
    _, at, *_ = (table.fields or {})[name]
    return bool(at % table[name].base.itemsize)
