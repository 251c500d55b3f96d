"""Column bytes, read back by the driver's own columns: the same values, whatever the dictionary's width."""

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from clickhouse_driver.bufferedreader import CompressedBufferedReader
from clickhouse_driver.columns.service import read_column
from clickhouse_driver.context import Context

from sinks.clickhouse.native_block import BAR_COLUMNS, TRADE_COLUMNS, Block, bar_block, trade_block
from tests.unit.sinks.rows import START_US, bars, trades


def columns(block: Block) -> dict[str, list[Any]]:
    """Every column as Python values, in the way a SELECT would give them."""
    context = Context()
    context.client_settings = {
        "strings_as_bytes": False, "strings_encoding": "utf-8", "use_numpy": False, "use_arrow": False,
        "input_format_null_as_default": False,
    }  # fmt: skip
    found = {}
    for (name, kind), data in zip(block.columns, block.data, strict=True):
        source = io.BytesIO(data)
        reader = CompressedBufferedReader(lambda source=source: source.read(1 << 16), 1 << 16)
        plain = kind.replace("DateTime64(6, 'UTC')", "Int64").replace("DateTime64(3, 'UTC')", "Int64")
        found[name] = list(read_column(context, plain, block.rows, reader))
        assert source.read() == b""
    return found


def chosen(batch: Any) -> Any:
    return np.arange(len(batch.rows))


def test_trades() -> None:
    first = trades(
        {"symbol": "A", "price": "1.5", "side": 0, "trade_id": "x" * 128, "bid": "3"},
        {"symbol": "B", "price": "0.0000000001", "size": "999999999999999999", "side": 2, "exchange": "", "ask": "4"},
        partition=1,
        first_offset=10,
    )
    second = trades({"symbol": "A", "side": 1, "timestamp_ms": -1}, {"symbol": "skipped"}, partition=2)
    block = trade_block([(first, chosen(first)), (second, np.array([0]))], source_epoch=1)
    assert (block.rows, block.columns) == (3, TRADE_COLUMNS)
    assert columns(block) == {
        "symbol": ["A", "B", "A"],
        "event_time": [START_US, START_US + 1, START_US],
        "price": [Decimal("1.5"), Decimal("1E-10"), Decimal("1.5")],
        "size": [Decimal(2), Decimal(999999999999999999), Decimal(2)],
        "side": ["BUY", "UNKNOWN", "SELL"],
        "trade_id": ["x" * 128, "", ""],
        "exchange": ["XNAS", "", "XNAS"],
        "bid": [Decimal(3), None, None],
        "ask": [None, Decimal(4), None],
        "sequence": [(1 << 44) + 10, (1 << 44) + 11, 1 << 44],
        "kafka_partition": [1, 1, 2],
        "kafka_offset": [10, 11, 0],
        "kafka_index": [0, 0, 0],
        "kafka_time": [START_US // 1000, START_US // 1000, 0],
    }


@pytest.mark.parametrize("symbols", [1, 256, 257, pytest.param(70_000, marks=pytest.mark.compiled)])
def test_dictionaries_of_every_width(symbols: int) -> None:
    batch = trades({})
    rows = np.repeat(batch.rows, symbols + 1)
    names = [f"S{n % symbols}".encode() for n in range(symbols + 1)]
    ends = np.cumsum([len(name) for name in names])
    rows["symbol_len"] = [len(name) for name in names]
    rows["symbol_at"] = ends - rows["symbol_len"]
    rows["exchange_len"] = 0
    batch.rows, batch.text = rows, b"".join(names)
    found = columns(trade_block([(batch, chosen(batch))], 0))
    assert found["symbol"] == [name.decode() for name in names]
    assert set(found["exchange"]) == {""}


def test_bars() -> None:
    block = bar_block(
        [
            bars({"symbol": "A", "interval": "1W", "vwap": None, "volume": "-7.5", "version": 9, "revision": 2}),
            bars(
                {"symbol": "B"}, {"symbol": "A", "quote_volume": "123456789012345678901234567890.00000000000000000001"}
            ),
        ]
    )
    assert (block.rows, block.columns) == (3, BAR_COLUMNS)
    found = columns(block)
    assert found["symbol"] == ["A", "B", "A"]
    assert found["interval"] == ["1W", "1m", "1m"]
    assert found["start"] == [START_US] * 3
    assert found["volume"] == [Decimal("-7.5"), Decimal("1.5"), Decimal("1.5")]
    assert found["quote_volume"][1:] == [
        Decimal("2.25"),
        Decimal("123456789012345678901234567890.00000000000000000001"),
    ]
    assert found["vwap"] == [None, Decimal("1.5"), Decimal("1.5")]
    assert (found["version"], found["revision"], found["trade_count"]) == ([9, 0, 0], [2, 0, 0], [1, 1, 1])


def test_rows_say_where_they_come_from() -> None:
    batches = [bars({"symbol": "A"}), bars({"symbol": "B"}, {"symbol": "C"})]
    for batch, partition in zip(batches, (4, 7), strict=True):
        batch.partition = partition
    found = columns(bar_block(batches))
    assert list(zip(found["symbol"], found["kafka_partition"], strict=True)) == [("A", 4), ("B", 7), ("C", 7)]
    batch = trades({}, {}, {})
    batch.rows["index"] = [0, 1, 2]
    assert columns(trade_block([(batch, np.array([0, 2]))], 0))["kafka_index"] == [0, 2]
