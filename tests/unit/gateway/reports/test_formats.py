"""One result in four formats: the same values, decimals to the last digit, nothing lost where chunks meet."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.messages.values import raw
from gateway.reports.formats import CONTENT_TYPES, Taken, columns_of, encode
from gateway.reports.kinds.bars import BARS, ReportBar
from gateway.reports.kinds.profile import PROFILE
from gateway.reports.kinds.table import KINDS
from gateway.reports.kinds.trades import TRADES, ReportTrade
from gateway.reports.words import FORMATS

WIDE = "1234567890123456789012345678901234567890.00000000000000000001"
LONG = "123456789012345678.0123456789"


def bar(at: int) -> ReportBar:
    prices = [raw(digits) for digits in ("1", LONG, "0.0000000001", "2.5")]
    vwap = raw(None if at % 2 else "1.5")
    return ReportBar("A'B", "1m", at, *prices, raw("7"), raw(WIDE), vwap, at, raw("0"), raw("0"), 0, 2**40)


def text_of(rows: list[msgspec.Struct]) -> str:
    return msgspec.json.encode(rows)[1:-1].decode()


def encoded(kind, wanted: str, chunks: list[str]) -> bytes:
    async def given() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    async def whole() -> bytes:
        return b"".join([part async for part in encode(kind, wanted, given())])

    return asyncio.run(whole())


@pytest.mark.parametrize("sizes", [[], [1], [3, 1, 2], [1] * 17])
def test_all_formats_hold_the_same(sizes: list[int]) -> None:
    rows = [bar(at) for at in range(sum(sizes))]
    chunks, at = [], 0
    for size in sizes:
        chunks.append(text_of(rows[at : at + size]))
        at += size
    told = json.loads(encoded(BARS, "json", chunks), parse_float=str, parse_int=str)
    assert [row["time"] for row in told] == [str(at) for at in range(len(rows))]
    lines = list(csv.DictReader(io.StringIO(encoded(BARS, "csv", chunks).decode())))
    assert lines == [{name: value or "" for name, value in row.items()} for row in told]
    parquet = pq.read_table(io.BytesIO(encoded(BARS, "parquet", chunks)))
    arrow = pa.ipc.open_stream(encoded(BARS, "arrow", chunks)).read_all()
    assert parquet.schema.equals(arrow.schema)
    assert parquet.schema.field("quoteVolume").type == pa.decimal256(76, 20)
    assert parquet.schema.field("vwap").type == pa.decimal128(38, 10)
    assert parquet.to_pylist() == arrow.to_pylist()
    for row, held in zip(told, arrow.to_pylist(), strict=True):
        assert held["quoteVolume"] == Decimal(WIDE)
        assert held["high"] == Decimal(LONG)
        assert held["vwap"] == (None if row["vwap"] is None else Decimal("1.5"))
        assert (held["symbol"], held["sequence"]) == ("A'B", 2**40)


def test_words_from_a_venue_stay_one_cell() -> None:
    odd = 'a"b,c\nd\\e'
    row = ReportTrade("S", 1, raw("1"), raw("2"), "BUY", odd, "é", 0, 1, 0, 1)
    (line,) = csv.DictReader(io.StringIO(encoded(TRADES, "csv", [text_of([row])]).decode()))
    assert (line["tradeId"], line["exchange"]) == (odd, "é")
    assert json.loads(encoded(TRADES, "json", [text_of([row])]))[0]["tradeId"] == odd


def test_flags_are_true_and_false() -> None:
    row = PROFILE.row(*["A", *[raw("1")] * 6, 3, True, False])
    (line,) = csv.DictReader(io.StringIO(encoded(PROFILE, "csv", [text_of([row])]).decode()))
    assert (line["pointOfControl"], line["valueArea"], line["tradeCount"]) == ("true", "false", "3")
    assert pa.ipc.open_stream(encoded(PROFILE, "arrow", [text_of([row])])).read_all()["valueArea"].to_pylist() == [
        False
    ]


def test_every_kind_has_columns_of_known_kinds_and_its_example_fits_its_row() -> None:
    for kind in KINDS.values():
        names = [column.name for column in columns_of(kind.row, kind.wide)]
        assert names == list(kind.example)
        assert {column.holds for column in columns_of(kind.row, kind.wide)} <= {
            "decimal",
            "wide",
            "text",
            "number",
            "flag",
        }
        assert kind.wide <= set(kind.row.__struct_fields__)
        msgspec.json.decode(json.dumps(kind.example), type=kind.row)
    assert set(CONTENT_TYPES) == set(FORMATS)


def test_what_is_taken_is_gone_and_the_place_goes_on() -> None:
    taken = Taken()
    assert taken.writable()
    assert taken.write(b"ab") == 2
    assert taken.write(memoryview(b"c")) == 1
    assert (taken.take(), taken.tell(), taken.take()) == (b"abc", 3, b"")
