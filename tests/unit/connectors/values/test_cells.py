"""Cells of text become rows: each is read or refused by itself, and a refusal is explained by its cell."""

from dataclasses import replace

import numpy as np
import pytest

from connectors.values.cells import ABSENT, UNFIT, Cells
from connectors.values.fields import Field
from connectors.values.read import Values
from schemas.columns import RawBatch
from schemas.rejects import Reason
from schemas.trade_words import TradeWords
from tests.unit.connectors.batches import raw_batch, trade_of

GOOD = {Field.SYMBOL: "A", Field.PRICE: "1.5", Field.SIZE: "2", Field.EVENT_TIME: "1700000000"}
PATHS = {each.name.lower(): each for each in Field}


def laid(*rows: dict[Field, str | None]) -> tuple[Cells, RawBatch]:
    """Cells of rows that lie one behind the other; None: a value of a kind that can't hold the field."""
    cells, values = Cells(len(rows)), []
    begin = 0
    for index, row in enumerate(rows):
        text = b""
        for each, cell in row.items():
            cells.at[index, each] = begin + len(text)
            cells.length[index, each] = UNFIT if cell is None else len(cell.encode())
            text += (cell or "").encode()
        values.append(text)
        begin += len(text)
    return cells, raw_batch(values)


def reason_of(row: dict[Field, str | None], words: TradeWords | None = None) -> Reason:
    cells, raw = laid(row)
    rows, _ = cells.to_rows(raw, Values(words), bytes)
    return Reason(int(rows[0]["reason"]))


def test_a_row_is_read_where_its_text_lies() -> None:
    cells, raw = laid(GOOD, {**GOOD, Field.SYMBOL: "B", Field.BID: "1.4", Field.SIDE: "sell", Field.TRADE_ID: "7"})
    rows, text = cells.to_rows(raw, Values(), bytes)
    assert text is raw.data
    first, second = (trade_of(row, text) for row in rows)
    assert (first["symbol"], first["price"], first["bid"], first["side"]) == (b"A", 15 * 10**9, None, 2)
    assert (second["symbol"], second["bid"], second["side"], second["trade_id_number"]) == (b"B", 14 * 10**9, 1, 7)
    assert rows["offset"].tolist() == [100, 101]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, Reason.NONE),
        ({Field.PRICE: "x"}, Reason.BAD_VALUE),
        ({Field.PRICE: None}, Reason.BAD_VALUE),
        ({Field.PRICE: "-"}, Reason.BAD_VALUE),
        ({Field.BID: "-"}, Reason.NONE),
        ({Field.BID: "x"}, Reason.BAD_VALUE),
        ({Field.EXCHANGE: "n/a"}, Reason.NONE),
        ({Field.SIZE: "0.00000000005"}, Reason.OUT_OF_RANGE),
        ({Field.EVENT_TIME: "34200"}, Reason.UNCLEAR_TIME),
        ({Field.TRADE_ID: "7" * 65_536}, Reason.TOO_LARGE),
    ],
)
def test_reasons(changes: dict[Field, str | None], reason: Reason) -> None:
    assert reason_of({**GOOD, **changes}) is reason


def test_a_field_that_is_required_is_missed_and_named() -> None:
    row = {each: text for each, text in GOOD.items() if each is not Field.PRICE}
    assert reason_of(row) is Reason.MISSING_FIELD
    cells, raw = laid(row)
    assert cells.explain(raw.value(0), Reason.MISSING_FIELD, PATHS, Values()) == "missing: price"


def test_numbers_are_rounded_where_the_venue_s_words_say_so() -> None:
    assert reason_of({**GOOD, Field.SIZE: "0.00000000005"}, TradeWords(round_numbers=True)) is Reason.NONE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({Field.PRICE: "abc"}, "price is 'abc'"),
        ({Field.BID: None}, "bid is of a kind that can't be read as bid"),
        ({Field.SIZE: "1e30"}, "size is '1e30': more than 18 whole digits"),
        ({Field.EVENT_TIME: "34200"}, "event_time is '34200', which would be read as 1970-01-01T09:30:00Z"),
    ],
)
def test_a_refusal_is_explained_by_its_cell(changes: dict[Field, str | None], words: str) -> None:
    cells, raw = laid({**GOOD, **changes})
    rows, _ = cells.to_rows(raw, Values(), bytes)
    assert cells.explain(raw.value(0), Reason(int(rows[0]["reason"])), PATHS, Values()).startswith(words)


def test_text_with_escapes_is_unescaped_behind_the_batch() -> None:
    cells, raw = laid({**GOOD, Field.SYMBOL: "a\\u0041"})
    cells.at[0, Field.SYMBOL] = ~cells.at[0, Field.SYMBOL]
    rows, text = cells.to_rows(raw, Values(), lambda escaped: escaped.replace(b"\\u0041", b"A"))
    assert trade_of(rows[0], text)["symbol"] == b"aA"
    assert text == raw.data + b"aA"


def test_trades_of_one_record_are_numbered() -> None:
    cells, raw = laid(GOOD, GOOD, GOOD, GOOD)
    cells.own(np.array([0, 0, 1], np.int64))
    rows, _ = cells.to_rows(replace(raw), Values(), bytes)
    assert rows["index"].tolist() == [0, 1, 0]
    assert rows["offset"].tolist() == [100, 100, 101]
    assert (Cells(1).length == ABSENT).all()
