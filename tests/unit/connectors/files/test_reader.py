"""Files of trades: CSV, gzip and Parquet read alike, in any batch size, and what each broken file says."""

import gzip
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.files.places import places_of
from connectors.files.reader import TradeFile, read_trades
from connectors.values.column_plan import FileOptions
from core.bars.validation import validate
from kernels.decimal_text import from_pair, plain
from schemas.columns import BUY, SELL, TradeBatch
from schemas.errors import InputError
from schemas.rejects import Reason

SIDES = {BUY: "BUY", SELL: "SELL"}
HEADER = b"event_time_us,symbol,price,size,side,trade_id,exchange\n"
LINES = [
    b"%d,S%d,%d.25,0.5,SELL,%d,E\n" % (1_700_000_000_000_000 + index, index % 7, index + 1, index)
    for index in range(1000)
]
SHARED = Path(os.environ.get("TAPEFLOW_SHARED_DATA", Path(__file__).parents[5] / "shared" / "data"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write_file(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


def to_records(batch: TradeBatch) -> Iterator[dict[str, Any]]:
    """Each trade as a dictionary: numbers as plain decimal text (bid and ask None if absent), event_time in us."""
    for row in batch.rows:
        record: dict[str, Any] = {}
        for name in ("symbol", "trade_id", "exchange"):
            at = int(row[f"{name}_at"])
            record[name] = batch.text[at : at + int(row[f"{name}_len"])].decode(errors="replace")
        for name in ("price", "size", "bid", "ask"):
            given = name in ("price", "size") or row[f"has_{name}"]
            record[name] = plain(from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"]))) if given else None
        yield record | {"side": SIDES.get(int(row["side"]), "UNKNOWN"), "event_time": int(row["event_time_us"])}


def trade_file(path: Path | str, batch_records_max: int = 20_000, **options: Any) -> TradeFile:
    (place,) = places_of(str(path))
    return TradeFile(place, FileOptions(**options), batch_records_max=batch_records_max)


def records_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    return [record for batch in read_trades(trade_file(path, **options)) for record in to_records(batch)]


def test_csv_and_gzip_in_any_batch_size(write: Callable[[str, bytes], Path]) -> None:
    data = HEADER + b"".join(LINES)
    plain, packed = write("t.csv", data), write("t.csv.gz", gzip.compress(data))
    whole = records_of(plain)
    assert len(whole) == 1000
    assert whole[999] == {
        "symbol": "S5",
        "price": "1000.25",
        "size": "0.5",
        "side": "SELL",
        "trade_id": "999",
        "event_time": 1_700_000_000_000_999,
        "exchange": "E",
        "bid": None,
        "ask": None,
    }
    assert records_of(packed) == whole
    assert records_of(plain, batch_records_max=7) == whole


def test_offsets_are_row_numbers_and_the_topic_is_the_file(write: Callable[[str, bytes], Path]) -> None:
    path = write("t.csv", HEADER + b"".join(LINES[:5]) + b"nonsense\n" + LINES[5])
    batches = list(read_trades(trade_file(path, batch_records_max=2)))
    assert [batch.read for batch in batches] == [2, 2, 2, 1]
    assert [int(offset) for batch in batches for offset in batch.rows["offset"]] == [0, 1, 2, 3, 4, 6]
    (reject,) = [reject for batch in batches for reject in batch.rejects]
    assert (reject.topic, reject.partition, reject.offset, reject.timestamp_ms) == ("t.csv", 0, 5, -1)
    assert (reject.reason, reject.key, reject.value) == (Reason.CORRUPT, None, b"nonsense")
    assert [batch.next_offset for batch in batches] == [2, 4, 6, 7]


def test_validation_refuses_rows_too(write: Callable[[str, bytes], Path]) -> None:
    path = write("t.csv", HEADER + b"1,X,0,1,BUY,,\n" + LINES[0])
    (batch,) = read_trades(trade_file(path), partial(validate, future_us=0))
    assert [(reject.reason, reject.detail, reject.value) for reject in batch.rejects] == [
        (Reason.PRICE_NOT_POSITIVE, "price is 0", b"1,X,0,1,BUY,,")
    ]


def test_line_ends_blank_lines_and_a_byte_order_mark(write: Callable[[str, bytes], Path]) -> None:
    text = (
        b"\xef\xbb\xbf"
        + HEADER.replace(b"\n", b"\r\n")
        + b"\r\n".join([LINES[0].strip(), b"", LINES[1].strip(), b"", b""])
    )
    assert [record["trade_id"] for record in records_of(write("t.csv", text))] == ["0", "1"]
    assert records_of(write("u.csv", HEADER)) == []


def test_blank_lines_cost_no_row(write: Callable[[str, bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("t.csv", HEADER + (b" \r\n" * 50 + b"\n   \n").join([b"", *LINES[:4], b"  "]))
    for chunk_bytes, batch_records_max in ((4096, 100), (4096, 1), (7, 100), (7, 2)):
        monkeypatch.setattr("connectors.files.line_batches.CHUNK_BYTES", chunk_bytes)
        monkeypatch.setattr("connectors.files.line_batches.LINE_BYTES_MAX", 100)
        records = records_of(path, batch_records_max=batch_records_max)
        assert [record["trade_id"] for record in records] == ["0", "1", "2", "3"]
        assert {record["symbol"] for record in records} == {"S0", "S1", "S2", "S3"}


def test_a_stray_quote_costs_one_line(write: Callable[[str, bytes], Path]) -> None:
    path = write("t.csv", HEADER + LINES[0] + b'1,"X,1,1,BUY,1,E\n' + LINES[1])
    (batch,) = read_trades(trade_file(path))
    assert (len(batch), len(batch.rejects)) == (2, 1)


def test_tabs_and_semicolons(write: Callable[[str, bytes], Path]) -> None:
    for delimiter in (b"\t", b";"):
        path = write("t.csv", (HEADER + LINES[0]).replace(b",", delimiter))
        assert len(records_of(path)) == 1


def parquet(path: Path, **changes: Any) -> Path:
    table = {
        "event_time_us": pl.Series([1_700_000_000_000_000, 1_700_000_000_123_456]),
        "symbol": pl.Series(["A", "B,C"]),
        "price": pl.Series(["1.5", "0.1"]),
        "size": pl.Series(["1", "2"]),
    }
    pl.DataFrame(table | changes).write_parquet(path)
    return path


@pytest.mark.parametrize(
    "prices",
    [
        pl.Series([1.5, 0.1]),
        pl.Series([1.5, 0.1], dtype=pl.Float32),
        pl.Series([Decimal("1.5"), Decimal("0.1")], dtype=pl.Decimal(38, 10)),
        pl.Series(["1.5", "0.1"], dtype=pl.Categorical),
    ],
)
def test_parquet_prices_of_any_type(tmp_path: Path, prices: pl.Series) -> None:
    records = records_of(parquet(tmp_path / "t.parquet", price=prices))
    assert [record["price"] for record in records] == ["1.5", "0.1"]


@pytest.mark.parametrize(
    ("unit", "zone", "last"), [("us", None, 123_456), ("ns", "UTC", 123_456), ("ms", "Asia/Tokyo", 123_000)]
)
def test_parquet_timestamps(tmp_path: Path, unit: Any, zone: str | None, last: int) -> None:
    times = pl.Series([1_700_000_000_000_000, 1_700_000_000_123_456]).cast(pl.Datetime("us", zone)).cast(
        pl.Datetime(unit, zone)
    )  # fmt: skip
    records = records_of(parquet(tmp_path / "t.parquet", event_time_us=times))
    assert [record["event_time"] for record in records] == [1_700_000_000_000_000, 1_700_000_000_000_000 + last]


def test_a_parquet_file_is_the_one_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet(tmp_path / "t1.parquet", symbol=pl.Series(["OTHER", "OTHER"]))
    assert records_of(parquet(tmp_path / "t[1].parquet"))[0]["symbol"] == "A"
    (tmp_path / "~").mkdir()
    parquet(tmp_path / "~" / "t.parquet")
    monkeypatch.chdir(tmp_path)
    assert records_of(Path("~/t.parquet"))[0]["symbol"] == "A"


def test_parquet_rows_that_can_not_be_used_are_shown_as_text(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", price=pl.Series(["1", None]), symbol=pl.Series(["A", 'B\n"C']))
    (batch,) = read_trades(trade_file(path))
    (reject,) = batch.rejects
    assert (reject.reason, reject.offset) == (Reason.MISSING_FIELD, 1)
    assert reject.value == b'1700000000123456,"B ""C",,2'


@pytest.mark.parametrize(
    ("kind", "good", "far"),
    [
        (pl.Datetime("us"), 1_700_000_000_000_000, 2**63 - 1),
        (pl.Datetime("us", "Asia/Tokyo"), 1_700_000_000_000_000, -(2**63)),
        (pl.Datetime("us"), 1_700_000_000_000_000, 253_402_300_800_000_000),
        (pl.Datetime("ms"), 1_700_000_000_000, 253_402_300_800_000),
        (pl.Datetime("ms"), 1_700_000_000_000, -62_135_596_800_001),
        (pl.Date(), 19_000, 2**31 - 1),
    ],
)
@pytest.mark.parametrize("unit", ["auto", "s"])
def test_a_parquet_time_outside_the_years_1_to_9999_costs_its_row_alone(
    tmp_path: Path, kind: Any, good: int, far: int, unit: str
) -> None:
    times = pl.Series([good, far]).cast(pl.Int32 if kind == pl.Date else pl.Int64).cast(kind)
    path = parquet(tmp_path / "t.parquet", time=times, symbol=pl.Series(["A", "A"]))
    file = trade_file(path, field_map={"event_time": "time"}, time_unit=unit)
    (batch,) = read_trades(file, partial(validate, future_us=0))
    assert batch.rows["offset"].tolist() == [0]
    (reject,) = batch.rejects
    assert (reject.reason, reject.offset) == (Reason.BEFORE_1970 if far < 0 else Reason.OUT_OF_RANGE, 1)
    assert far < 0 or str(far).rstrip("0") in reject.detail or kind == pl.Date


def test_parquet_columns_that_no_field_reads_can_not_stop_the_file(tmp_path: Path) -> None:
    lasted = pl.Series([1, 2]).cast(pl.Duration("us"))
    path = parquet(tmp_path / "t.parquet", lasted=lasted, nested=pl.Series([[1], [2]]), price=pl.Series(["1", "x"]))
    (batch,) = read_trades(trade_file(path))
    assert batch.rows["offset"].tolist() == [0]
    assert batch.rejects[0].value == b'1700000000123456,"B,C",x,2,,'


def test_parquet_columns_of_a_kind_that_can_not_hold_the_field(tmp_path: Path) -> None:
    lists = pl.Series([[1], [2]])
    path = parquet(tmp_path / "t.parquet", symbol=lists, size=lists, event_time_us=lists, price=lists)
    (batch,) = read_trades(trade_file(path))
    assert [reject.reason for reject in batch.rejects] == [Reason.MISSING_FIELD] * 2
    (batch,) = read_trades(trade_file(parquet(path, price=pl.Series([1, 2]).cast(pl.Duration("us")))))
    assert [reject.reason for reject in batch.rejects] == [Reason.BAD_VALUE] * 2


def test_parquet_text_that_is_not_marked_as_text(tmp_path: Path) -> None:
    symbols = pl.Series([b"A", b"B"])
    assert [each["symbol"] for each in records_of(parquet(tmp_path / "t.parquet", symbol=symbols))] == ["A", "B"]
    path = parquet(tmp_path / "t.parquet", symbol=pl.Series([b"A", b"\xff"]))
    (batch,) = read_trades(trade_file(path), partial(validate, future_us=0))
    assert (len(batch), batch.rejects[0].reason) == (1, Reason.BAD_SYMBOL)


def test_damage_is_one_line(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(InputError, match="damaged"):
        list(trade_file(path).decoded())


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"\n\n", "the file is empty"),
        ("t.csv", b"\xef\xbb\xbf", "the file is empty"),
        ("t.csv", b"\x80\x81\xff\n", "the first line isn't UTF-8"),
        ("t.csv", b"a,b\0c\n1,2,3\n", "not a text file"),
        ("t.csv", b"a,b,c\n1,2,3\n", "no column symbol, price, size, event_time_us"),
        ("t.csv.gz", b"hello, I am not packed\n", "no column symbol"),
        ("t.csv", b"7z\xbc\xaf\x27\x1c and so on", "a 7z archive isn't read"),
        ("t.csv", b"<html><body>403", "a web page isn't read"),
        ("t.csv.gz", b"", "the file is empty"),
        ("t.parquet", b"PAR1 but not really", "not a whole Parquet file, or damaged"),
    ],
)
def test_files_that_can_not_be_read(write: Callable[[str, bytes], Path], name: str, data: bytes, words: str) -> None:
    path = write(name, data)
    with pytest.raises(InputError) as caught:
        trade_file(path)
    message = str(caught.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        trade_file(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="no file in the folder"):
        trade_file(tmp_path)


def test_a_gzip_file_that_is_cut_short_says_so(write: Callable[[str, bytes], Path]) -> None:
    packed = gzip.compress(HEADER + b"".join(LINES))
    path = write("t.csv.gz", packed[: len(packed) - 200])
    with pytest.raises(InputError, match="cut short or damaged"):
        list(trade_file(path).decoded())


@pytest.mark.parametrize("end", [bytes(8), gzip.compress(HEADER)[-8:] + b"more"])
def test_a_gzip_file_whose_end_is_wrong_is_still_a_gzip_file(write: Callable[[str, bytes], Path], end: bytes) -> None:
    path = write("t.csv.gz", gzip.compress(HEADER)[:-8] + end)
    with pytest.raises(InputError, match="the gzip file is damaged, or other bytes follow its end"):
        list(trade_file(path).decoded())


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "trades", "refused"),
    [("comex_gold/trades.csv.gz", 157_822, []), ("binance_trxusdt/trades.csv.gz", 9_999, ["548331095"]),
     ("kraken_xbtusdt/trades.csv", 1_000, [])],
)  # fmt: skip
def test_recorded_trades_are_read_to_the_digit(name: str, trades: int, refused: list[str]) -> None:
    if not SHARED.is_dir():
        pytest.skip("needs recorded trades beside the checkout, or TAPEFLOW_SHARED_DATA")
    batches = list(read_trades(trade_file(SHARED / name), partial(validate, future_us=0)))
    assert sum(len(batch) for batch in batches) == trades
    assert [str(reject.value).split(",")[5] for batch in batches for reject in batch.rejects] == refused
    frame = pl.read_csv(SHARED / name, infer_schema=False).fill_null("")
    frame = frame.filter(~pl.col("trade_id").is_in(refused))
    for record, row in zip(
        (record for batch in batches for record in to_records(batch)), frame.iter_rows(named=True), strict=True
    ):
        assert (record["symbol"], record["side"], record["trade_id"]) == (row["symbol"], row["side"], row["trade_id"])
        assert (str(record["event_time"]), record["exchange"]) == (row["event_time_us"], row["exchange"])
        assert (Decimal(record["price"]), Decimal(record["size"])) == (Decimal(row["price"]), Decimal(row["size"]))


def test_a_header_that_comes_again_is_obeyed_or_ends_the_file(write: Callable[[str, bytes], Path]) -> None:
    good = b"1,A,2,3,BUY,7,E\n"
    path = write("t.csv", HEADER + good + b"\xef\xbb\xbf" + HEADER + good)
    (batch,) = read_trades(trade_file(path))
    assert (len(batch), [reject.detail for reject in batch.rejects]) == (2, ["the header again"])
    turned = b"EVENT_TIME_US,symbol,size,PRICE,side,trade_id,exchange,more\n1,A,2,3,BUY,7,E,x\n"
    path = write("t.csv", HEADER + good + turned)
    for records_max in (20_000, 1, 2):
        assert [(each["price"], each["size"]) for each in records_of(path, batch_records_max=records_max)] == [
            ("2", "3"),
            ("3", "2"),
        ]
    for other in (b"event_time_us,symbol,size,amount\n", b"ts,sym,qty,px,way,number,venue\n"):
        path = write("t.csv", HEADER + good + other + good)
        with pytest.raises(InputError, match=r"another header, with no column .*t.csv, row 2"):
            list(trade_file(path).decoded())


def test_nothing_at_all_is_an_error_only_where_it_was_asked_for(write: Callable[[str, bytes], Path]) -> None:
    packed = trade_file(write("t.csv.gz", gzip.compress(b"")))
    assert (list(packed.decoded()), packed.describe()) == ([], "gzip; empty")
    write("empty.csv", b"")
    folder = write("good.csv", HEADER + LINES[0]).parent
    assert [place.is_one_of_many for place in places_of(str(folder))] == [True] * 3
    files = [TradeFile(place) for place in places_of(str(folder))]
    assert [len(list(file.decoded())) for file in files] == [0, 1, 0]


def test_a_symbol_from_the_name_of_the_file(write: Callable[[str, bytes], Path]) -> None:
    text = b"event_time_us,price,size\n1,2,3\n"
    path = write("BTC-USD.csv.gz", gzip.compress(text))
    assert [each["symbol"] for each in records_of(path, symbol="{name}")] == ["BTC-USD"]
    assert [each["symbol"] for each in records_of(path, symbol="X:{name}")] == ["X:BTC-USD"]
    with pytest.raises(InputError, match=r"no column symbol .*: give it by --symbol \({name} is the file's name\)"):
        trade_file(path)
    with pytest.raises(InputError, match="names the symbol of each row itself"):
        trade_file(write("t.csv", HEADER), symbol="A")
    reading, writing = os.pipe()
    os.write(writing, text)
    os.close(writing)
    with pytest.raises(InputError, match="a pipe has no name"):
        trade_file(f"/dev/fd/{reading}", symbol="{name}")
    os.close(reading)


def test_json_lines(write: Callable[[str, bytes], Path]) -> None:
    lines = (
        b'{"time": 1700000000000, "trade": {"p": "1.5", "q": 2}, "symbol": "A", "side": "buy"}',
        b"not json",
        b'{"time": 1700000000001, "trade": {"p": 1.25, "q": "3"}, "symbol": "B", "bid": null}',
    )
    names = {"event_time": "time", "price": "trade.p", "size": "trade.q"}
    for end in (b"\n", b"\r\n", b"\r"):
        path = write("t.jsonl", b"\xef\xbb\xbf" + end.join(lines) + end)
        (batch,) = read_trades(trade_file(path, field_map=names))
        assert [(each["symbol"], each["price"]) for each in to_records(batch)] == [("A", "1.5"), ("B", "1.25")]
        assert [(reject.reason, reject.value) for reject in batch.rejects] == [(Reason.CORRUPT, b"not json")]
    for text, words in ((b"[1, 2]", "a JSON array"), (b'{\n"a": 1\n}', "over several lines"), (b"{", "JSON")):
        with pytest.raises(InputError, match=words):
            trade_file(write("u.jsonl", text))
