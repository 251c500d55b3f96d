"""Batches of columns become rows; a refused one is shown as a line of CSV and explained."""

from typing import Any

import pyarrow as pa

from connectors.arrow.rows import ArrowDecoder
from connectors.values.column_plan import FileOptions, plan_columns
from schemas.rejects import Reason
from schemas.trade_words import TradeWords
from tests.unit.connectors.batches import trades_of

SECOND = 1_700_000_000
USUAL = {"symbol": ["A", "B"], "price": [1.5, 0.1], "size": [1, 2], "event_time": [SECOND, SECOND]}


def decoded(changes: dict[str, Any], **options: Any) -> Any:
    table = pa.table(USUAL | changes)
    decoder = ArrowDecoder(plan_columns(table.column_names, FileOptions(**options)), table.schema)
    (batch,) = table.select([table.column_names[at] for at in decoder.wanted]).combine_chunks().to_batches()
    return decoder.decode(decoder.raw_rows(batch, "t.parquet", 5))


def test_columns_are_trades_and_doubles_are_their_shortest_text() -> None:
    batch = decoded(
        {"price": [123_456.78901234567, 0.1], "bid": [None, 123_456.78901234567]}, words=TradeWords(round_numbers=True)
    )
    assert [trade["price"] for trade in trades_of(batch)] == [1_234_567_890_123_457, 10**9]
    assert [trade["bid"] for trade in trades_of(batch)] == [None, 1_234_567_890_123_457]
    assert batch.rounded == 2
    assert batch.rows["offset"].tolist() == [5, 6]


def test_a_refused_row_is_a_line_of_csv_with_the_reason_in_words() -> None:
    batch = decoded({"price": ["1,5", "2"], "notes": ["not read", "x"]})
    (reject,) = batch.rejects
    assert (reject.reason, reject.offset, reject.value) == (Reason.BAD_VALUE, 5, b'A,"1,5",1,1700000000,')
    assert reject.detail.startswith("price is '1,5': a comma as decimal sign")
    (unfit, _) = decoded({"price": [True, False]}).rejects
    assert unfit.detail == "price is of a kind that can't be read as price"


def test_one_symbol_may_stand_for_all_rows() -> None:
    table = pa.table({name: column for name, column in USUAL.items() if name != "symbol"})
    decoder = ArrowDecoder(plan_columns(table.column_names, FileOptions(symbol="X")), table.schema)
    (batch,) = table.to_batches()
    trades = trades_of(decoder.decode(decoder.raw_rows(batch, "t", 0)))
    assert [trade["symbol"] for trade in trades] == [b"X", b"X"]
    assert decoder.unseen_fields() == []
