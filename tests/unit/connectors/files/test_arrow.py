"""Parquet, Arrow files and Arrow streams: the same rows, of the wanted columns alone, and damage said in one line."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files.places import FilePlace
from connectors.files.reader import TradeFile, read_trades
from connectors.values.column_plan import FileOptions
from schemas.errors import InputError
from tests.unit.connectors.batches import trades_of

TABLE = pa.table(
    {
        "symbol": pa.array(["A", "B", None]).dictionary_encode(),
        "price": pa.array([1.5, 0.1, 3.0]),
        "size": pa.array([1, 2, 3], pa.int32()),
        "event_time": pa.array([1_700_000_000_000] * 3, pa.timestamp("ms")),
        "notes": pa.array([["nested"], None, []]),
    }
)


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=2)
    return file.getvalue()


def arrow_file(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, 2)
    return file.getvalue()


def arrow_stream(table: pa.Table) -> bytes:
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, 2)
    return file.getvalue()


def trade_file(tmp_path: Path, data: bytes, options: FileOptions | None = None) -> TradeFile:
    path = tmp_path / "t"
    path.write_bytes(data)
    return TradeFile(FilePlace(path, "t"), options or FileOptions(), batch_records_max=2)


@pytest.mark.parametrize("write", [parquet, arrow_file, arrow_stream])
def test_rows_of_each_format(tmp_path: Path, write: Callable[[pa.Table], bytes]) -> None:
    batches = list(read_trades(trade_file(tmp_path, write(TABLE))))
    trades = [trade for batch in batches for trade in trades_of(batch)]
    assert [(trade["symbol"], trade["price"], trade["size"]) for trade in trades] == [
        (b"A", 15 * 10**9, 10**10),
        (b"B", 10**9, 2 * 10**10),
    ]
    assert {trade["event_time"] for trade in trades} == {1_700_000_000_000_000}
    assert [reject.offset for batch in batches for reject in batch.rejects] == [2]


@pytest.mark.parametrize("write", [parquet, arrow_file, arrow_stream])
def test_damage_is_one_line(tmp_path: Path, write: Callable[[pa.Table], bytes]) -> None:
    with pytest.raises(InputError, match=r"cut short or damaged|not a whole"):
        list(read_trades(trade_file(tmp_path, write(TABLE)[:-200])))


def test_options_of_text_say_nothing_about_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--encoding says nothing about Parquet files"):
        trade_file(tmp_path, parquet(TABLE), FileOptions(encoding="gbk"))
    with pytest.raises(InputError, match="no column size"):
        trade_file(tmp_path, parquet(TABLE.drop(["size"])))
