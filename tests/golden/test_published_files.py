"""Files as venues, spreadsheets and data frames write them, and what ``tapeflow bars`` makes of each.

The table: published/ holds the text files, expected.csv the trades that each of them means, REJECTED the rows that are
refused. Packed and binary files are made here. Bars are recomputed from the expected trades in plain ``decimal``, so
that a wrong price, size, time, side or order shows; every row is a trade or a reject.
"""

import bz2
import csv
import gzip
import io
import lzma
import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tapeflow.cli import main

HERE = Path(__file__).parent / "published"
MINUTE_US = 60_000_000
HEADER = "event_time_us,symbol,price,size,side,trade_id,exchange\n"


class Trade(NamedTuple):
    event_time_us: int
    symbol: str
    price: Decimal
    size: Decimal
    side: str
    trade_id: str


PLAIN = [
    Trade(1714521600000000, "AAA", Decimal("1.5"), Decimal(2), "BUY", "1"),
    Trade(1714521600001000, "AAA", Decimal("1.4"), Decimal(3), "SELL", "2"),
    Trade(1714521660000000, "AAA", Decimal("1.6"), Decimal(1), "BUY", "3"),
]
PLAIN_TEXT = HEADER + "".join(
    f"{each.event_time_us},AAA,{each.price},{each.size},{each.side},{each.trade_id},x\n" for each in PLAIN
)
MIDNIGHT = {"TAPEFLOW_TIME_ORIGIN": "2012-06-21T00:00:00-04:00"}
OPTIONS: dict[str, list[str]] = {
    "2024-12-31.csv": [str(HERE / "2025-01-01.csv")],
    "okx.csv": ["--symbol", "BTC-USDT"],
    "latin1_exchange.csv": ["--encoding", "latin-1"],
    "lobster.csv": ["--layout", "lobster", "--symbol", "AAPL"],
    "lobster_header.csv": ["--layout", "lobster"],
}
SETTINGS = {
    "lobster.csv": MIDNIGHT,
    "lobster_header.csv": MIDNIGHT,
    "neg_amount_bitfinex.csv": {"TAPEFLOW_SIGNED_SIZE": "true"},
}
REJECTED: dict[str, list[tuple[str, int]]] = {
    "cancel.csv": [("size-negative", 3)],
    "cat.csv": [("bad-value", 2)],
    "ctrlz.csv": [("corrupt", 4)],
    "dex.csv": [("out-of-range", 1), ("out-of-range", 3)],
    "eof_marker.csv": [("corrupt", 4)],
    "excel_time.csv": [("unclear-time", 1)],
    "glued.csv": [("corrupt", 2)],
    "header_mid.csv": [("bad-value", 2)],
    "iso.csv": [("before-1970", 7), ("out-of-range", 10)],
    "symbols.csv": [("bad-symbol", 15), ("bad-symbol", 22), ("bad-symbol", 26)],
    "thousands.csv": [("bad-value", 1)],
    "yyyymmdd.csv": [("out-of-range", 1)],
}
REFUSED: dict[str, tuple[list[str], str]] = {
    "dupcol.csv": ([], "column price stands twice"),
    "lobster.csv": ([], "it looks like LOBSTER's message files: say --layout lobster"),
    "lobster_header.csv": (["--layout", "lobster"], "the file's name has no day"),
    "neg_amount_bitfinex.csv": (["--layout", "bitfinex"], "not the layout bitfinex: no column id, mts, amount"),
    "okx.csv": ([], "no column symbol"),
    "d30.jsonl": (["--columns", "a,b,c"], "--columns says nothing about JSON"),
    "optional_typo.csv": (["--field-map", "side=agressor"], "no column agressor, which the field map names"),
}
ELSEWHERE = ("2025-01-01.csv", "expected.csv")
"""The second day is read with the first."""


def expected_trades() -> dict[str, list[Trade]]:
    found: dict[str, list[Trade]] = defaultdict(list)
    with (HERE / "expected.csv").open(newline="", encoding="utf-8") as file:
        for name, time_us, symbol, price, size, side, trade_id in list(csv.reader(file))[1:]:
            found[name].append(Trade(int(time_us), symbol, Decimal(price), Decimal(size), side, trade_id))
    return found


EXPECTED = expected_trades()
NAMES = sorted(path.name for path in HERE.iterdir() if path.name not in ELSEWHERE)
Bars = dict[tuple[str, int], tuple[Decimal, ...]]


def in_order(trades: list[Trade]) -> list[Trade]:
    """By time, then by id where all ids of the moment are numbers, then as they stand."""
    moments: dict[int, list[Trade]] = defaultdict(list)
    for trade in trades:
        moments[trade.event_time_us].append(trade)
    ordered = []
    for _, alike in sorted(moments.items()):
        numbered = all(re.fullmatch(r"\d+(\.0*)?", trade.trade_id) for trade in alike)
        ordered += sorted(alike, key=lambda trade: Decimal(trade.trade_id)) if numbered else alike
    return ordered


def bars_of(trades: list[Trade]) -> Bars:
    """(open, high, low, close, volume, count, buy volume) by symbol and start in milliseconds."""
    groups: dict[tuple[str, int], list[Trade]] = defaultdict(list)
    for trade in trades:
        groups[trade.symbol, trade.event_time_us // MINUTE_US * MINUTE_US // 1000].append(trade)
    bars: Bars = {}
    for key, group in groups.items():
        ordered = in_order(group)
        prices = [trade.price for trade in ordered]
        bought = sum((trade.size for trade in ordered if trade.side == "BUY"), Decimal(0))
        volume = sum((trade.size for trade in ordered), Decimal(0))
        bars[key] = (prices[0], max(prices), min(prices), prices[-1], volume, Decimal(len(prices)), bought)
    return bars


class Made(NamedTuple):
    bars: Bars
    rejects: list[tuple[str, int]]
    read: int
    said: str


@pytest.fixture
def make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Made]:
    def run(*words: str) -> Made:
        out, rejects = tmp_path / "bars.csv", tmp_path / "rejects.csv"
        assert main(["bars", *words, "--out", str(out), "--rejects", str(rejects)]) == 0
        said = capsys.readouterr().err
        counts = re.search(r"(\d+) read = (\d+) applied .* (\d+) rejected", said)
        assert counts is not None
        read, applied, rejected = map(int, counts.groups())
        assert read == applied + rejected
        fields = ("open", "high", "low", "close", "volume", "trade_count", "buy_volume")
        with out.open(newline="", encoding="utf-8") as file:
            bars = {
                (row["symbol"], int(row["start_ms"])): tuple(Decimal(row[name]) for name in fields)
                for row in csv.DictReader(file)
            }
        with rejects.open(newline="") as file:
            refused = list(csv.DictReader(file))
        assert all(row["detail"] for row in refused)
        return Made(bars, [(row["reason"], int(row["row"])) for row in refused], read, said)

    return run


@pytest.mark.parametrize("name", [name for name in NAMES if name in EXPECTED or name in REJECTED])
def test_every_row_is_the_trade_that_it_means_or_is_refused(
    name: str, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in SETTINGS.get(name, {}).items():
        monkeypatch.setenv(variable, value)
    made = make(str(HERE / name), *OPTIONS.get(name, []))
    assert made.bars == bars_of(EXPECTED[name])
    assert made.rejects == REJECTED.get(name, [])
    assert made.read == len(EXPECTED[name]) + len(made.rejects)


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_read_is_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options, words = REFUSED[name]
    assert main(["bars", str(HERE / name), *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.splitlines()) == 1


def test_every_file_has_an_outcome() -> None:
    assert [name for name in NAMES if name not in EXPECTED and name not in REJECTED and name not in REFUSED] == []


def arrow_packed(codec: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(data)
        return bytes(sink.getvalue())

    return pack


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("trades.csv", data)
    return held.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "t.csv.gz": gzip.compress,
    "members.csv.gz": lambda data: gzip.compress(data[:70]) + gzip.compress(data[70:]),
    "plain.csv.gz": bytes,
    "packed.csv": gzip.compress,
    "T.CSV.GZ": gzip.compress,
    "t.csv.bz2": bz2.compress,
    "t.csv.xz": lzma.compress,
    "t.zip": zipped,
    "t.csv.zst": arrow_packed("zstd"),
    "t.csv.lz4": arrow_packed("lz4"),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files(name: str, make: Callable[..., Made], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(PACKED[name](PLAIN_TEXT.encode()))
    assert make(str(tmp_path / name)).bars == bars_of(PLAIN)


@pytest.mark.parametrize("name", PACKED)
def test_the_same_from_a_pipe(name: str, make: Callable[..., Made]) -> None:
    reading, writing = os.pipe()
    os.write(writing, PACKED[name](PLAIN_TEXT.encode()))
    os.close(writing)
    try:
        assert make(f"/dev/fd/{reading}").bars == bars_of(PLAIN)
    finally:
        os.close(reading)


def columns(**changes: Any) -> Any:
    """PLAIN as an Arrow table, some of its columns of other types."""
    usual = {
        "event_time_us": pa.array([each.event_time_us for each in PLAIN]),
        "symbol": pa.array([each.symbol for each in PLAIN]),
        "price": pa.array([str(each.price) for each in PLAIN]),
        "size": pa.array([str(each.size) for each in PLAIN]),
        "side": pa.array([each.side for each in PLAIN]),
        "trade_id": pa.array([each.trade_id for each in PLAIN]),
        "exchange": pa.array(["x"] * len(PLAIN)),
    }
    merged = {name: value for name, value in (usual | changes).items() if value is not None}
    return pa.table(merged)


MOMENTS = pa.array([each.event_time_us for each in PLAIN]).cast(pa.timestamp("us"))
TABLES: dict[str, Any] = {
    "decimals": columns(
        price=pa.array([each.price for each in PLAIN], pa.decimal128(38, 18)),
        size=pa.array([each.size for each in PLAIN], pa.decimal128(38, 18)),
    ),
    "floats": columns(
        event_time_us=None,
        event_time=MOMENTS,
        price=pa.array([float(each.price) for each in PLAIN]),
        size=pa.array([float(each.size) for each in PLAIN], pa.float32()),
    ),
    "zoned": columns(
        event_time_us=None,
        event_time=MOMENTS.cast(pa.timestamp("ns", "America/New_York")),
        symbol=pa.array([each.symbol for each in PLAIN]).dictionary_encode(),
        trade_id=pa.array([int(each.trade_id) for each in PLAIN], pa.uint64()),
    ),
    "float ids": columns(trade_id=pa.array([float(each.trade_id) for each in PLAIN])),
    "integers": columns(size=pa.array([int(each.size) for each in PLAIN], pa.int8())),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("name", ["t.parquet", "T.PARQUET", "t.pq", "t.feather", "t.arrows"])
def test_tables_of_columns(kind: str, name: str, make: Callable[..., Made], tmp_path: Path) -> None:
    path, table = tmp_path / name, TABLES[kind]
    if name == "t.feather":
        pyarrow.feather.write_feather(table, path)
    elif name == "t.arrows":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    else:
        pq.write_table(table, path, compression={"t.pq": "lz4", "t.parquet": "zstd"}.get(name, "snappy"))
    assert make(str(path)).bars == bars_of(PLAIN)
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert make(str(packed)).bars == bars_of(PLAIN)


def test_a_flag_of_the_maker_as_side(
    make: Callable[..., Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = columns(side=pa.array([each.side == "SELL" for each in PLAIN]))
    pq.write_table(table, tmp_path / "t.parquet")
    assert "sides that nobody knows" in make(str(tmp_path / "t.parquet")).said
    monkeypatch.setenv("TAPEFLOW_SIDE_OF", "maker")
    assert make(str(tmp_path / "t.parquet")).bars == bars_of(PLAIN)


def test_floats_that_were_computed(make: Callable[..., Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [0.1 + 0.2, 1.1 * 1.1, 3.3 / 3]
    pq.write_table(columns(size=pa.array(sizes)), tmp_path / "t.parquet")
    assert make(str(tmp_path / "t.parquet")).rejects == [("out-of-range", row) for row in (1, 2, 3)]
    monkeypatch.setenv("TAPEFLOW_ROUND_NUMBERS", "true")
    rounded = [each._replace(size=Decimal(size)) for each, size in zip(PLAIN, ("0.3", "1.21", "1.1"), strict=True)]
    assert make(str(tmp_path / "t.parquet")).bars == bars_of(rounded)


def test_folders_of_partitions(make: Callable[..., Made], tmp_path: Path) -> None:
    folder = tmp_path / "trades" / "symbol=AAA"
    folder.mkdir(parents=True)
    pq.write_table(columns(symbol=None), folder / "part-0.parquet")
    for place in (tmp_path / "trades", folder, folder / "part-0.parquet"):
        made = make(str(place))
        assert made.bars == bars_of(PLAIN)
        assert "symbol AAA" in made.said


TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "bitmex,XBTUSD,1583020803145000,1583020803307160,ccc3c1fa-212c-e8b0-1706-9b9c4f3d5ecf,sell,8531.5,2152\n"
    "bitmex,XBTUSD,1583020803145000,1583020803307160,0dd4d2fb-313d-f9c1-2807-aca5d4e6d6d0,buy,8532,1500\n"
    "bitmex,XBTUSD,1583020865145000,1583020865307160,,unknown,8531,10\n"
)
POLYGON = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,sip_timestamp,size,tape,"
    "trf_id,trf_timestamp\n"
    'A,"12,37",0,4,71675222901845,1789718400814766587,157.350000,3372,1789718400831008119,10.000000,1,202,1789718400\n'
    "A,,0,4,71675225257543,1789718401198846000,156.340000,3610,1789718401372522227,0.001500,1,202,1789718401372164990\n"
)


def test_files_of_data_vendors(make: Callable[..., Made], tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(TARDIS.encode()))
    trades = [
        Trade(1583020803145000, "XBTUSD", Decimal("8531.5"), Decimal(2152), "SELL", "a"),
        Trade(1583020803145000, "XBTUSD", Decimal(8532), Decimal(1500), "BUY", "b"),
        Trade(1583020865145000, "XBTUSD", Decimal(8531), Decimal(10), "UNKNOWN", ""),
    ]
    assert make(str(path)).bars == bars_of(trades)
    path.write_bytes(gzip.compress(POLYGON.encode()))
    trades = [
        Trade(1789718400831008, "A", Decimal("157.35"), Decimal(10), "UNKNOWN", "71675222901845"),
        Trade(1789718401372522, "A", Decimal("156.34"), Decimal("0.0015"), "UNKNOWN", "71675225257543"),
    ]
    assert make(str(path)).bars == bars_of(trades)


def test_a_dump_that_begins_with_the_newest(make: Callable[..., Made], tmp_path: Path) -> None:
    trades = [
        Trade(1714521600000000 + number * 10_000, "AAA", Decimal(100 + number % 7), Decimal(1), "BUY", str(number))
        for number in range(5_999, -1, -1)
    ]
    path = tmp_path / "t.csv"
    path.write_text(
        HEADER + "".join(f"{each.event_time_us},AAA,{each.price},1,BUY,{each.trade_id},x\n" for each in trades)
    )
    assert make(str(path)).bars == bars_of(trades)
