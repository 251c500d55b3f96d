"""JsonDecoder: exact numbers, times, names inside objects, escapes, and each refusal with its words."""

import json
from typing import Any

import pytest

from connectors.json.decoder import JsonDecoder
from schemas.columns import BUY, NO_ID, SELL, UNKNOWN
from schemas.errors import SettingError
from schemas.rejects import Reason
from tests.unit.connectors.batches import raw_batch, reasons_of, trades_of

GOOD = '{"symbol":"BTC/USDT","price":105433.6,"size":"0.00027625","event_time":1762795433971744'


def value(more: str = "") -> bytes:
    return (GOOD + (f",{more}" if more else "") + "}").encode()


def only_trade(text: bytes, **options: Any) -> dict[str, Any]:
    batch = JsonDecoder(**options).decode(raw_batch([text]))
    assert not batch.rejects, batch.rejects
    return trades_of(batch)[0]


def test_a_trade_is_read_whole_and_its_text_is_not_copied() -> None:
    raw = raw_batch([value('"side":"b","trade_id":10218208,"exchange":"KRAKEN","bid":null,"ask":1e-10')])
    batch = JsonDecoder().decode(raw)
    assert trades_of(batch) == [
        {
            "symbol": b"BTC/USDT",
            "trade_id": b"10218208",
            "exchange": b"KRAKEN",
            "price": 1054336000000000,
            "size": 2762500,
            "bid": None,
            "ask": 1,
            "event_time": 1_762_795_433_971_744,
            "side": BUY,
            "trade_id_number": 10218208,
        }
    ]
    assert batch.text is raw.data


def test_defaults_and_members_that_mean_nothing() -> None:
    trade = only_trade(b" \n" + value('"x":[1,{"price":[]},"\\u00e9\\n"],"y":{},"z":[],"t":true,"f":false') + b"\t\r\n")
    assert (trade["side"], trade["trade_id"], trade["trade_id_number"], trade["exchange"]) == (UNKNOWN, b"", NO_ID, b"")


@pytest.mark.parametrize(
    ("number", "units"),
    [
        ("0.1", 10**9),
        ("123456789012345678.0123456789", 1234567890123456780123456789),
        ("1e17", 10**27),
        ("1.50E+2", 150 * 10**10),
        ("-0.0", 0),
        ('"7"', 7 * 10**10),
        ("0.30000000000000000000000", 3 * 10**9),
    ],
)
def test_numbers_keep_every_digit(number: str, units: int) -> None:
    assert only_trade(value(f'"price":{number}'))["price"] == units


@pytest.mark.parametrize(
    ("time", "unit", "micros"),
    [
        ("1700000000", "auto", 1_700_000_000_000_000),
        ("1700000000.123456", "auto", 1_700_000_000_123_456),
        ("1700000000123", "auto", 1_700_000_000_123_000),
        ("1.700000000123e12", "auto", 1_700_000_000_123_000),
        ("5", "ms", 5_000),
        ("-5", "s", -5_000_000),
        ('"1700000000123456789"', "auto", 1_700_000_000_123_456),
        ('"2023-11-14T22:13:20.123456789+01:00"', "auto", 1_699_996_400_123_456),
        ('"2023-11-14 22:13"', "auto", 1_699_999_980_000_000),
        ('"2023-11-14"', "auto", 1_699_920_000_000_000),
    ],
)
def test_times(time: str, unit: str, micros: int) -> None:
    assert only_trade(value(f'"event_time":{time}'), time_unit=unit)["event_time"] == micros


@pytest.mark.parametrize(
    "time", ['"2023-02-29"', '"2023-11-14T25:00:00"', '"now"', '"2023-11-14T22:13:20 X"', "true", '""']
)
def test_times_that_are_none(time: str) -> None:
    batch = JsonDecoder().decode(raw_batch([value(f'"event_time":{time}')]))
    assert reasons_of(batch) == [Reason.BAD_VALUE]


def test_names_of_others_inside_objects_and_with_escapes() -> None:
    record = {"s": "X", "data": {"p": {"é": 1.5}, "q": 2}, "data2": {"p": 9}, "event_time": 1_700_000_000}
    names = {"symbol": "s", "price": "data.p.é", "size": "data.q"}
    for ascii_only in (True, False):
        trade = only_trade(json.dumps(record, ensure_ascii=ascii_only).encode(), field_map=names)
        assert (trade["symbol"], trade["price"], trade["size"]) == (b"X", 15 * 10**9, 2 * 10**10)


def test_a_name_inside_a_field_that_is_read_whole() -> None:
    with pytest.raises(SettingError, match="field_map"):
        JsonDecoder(field_map={"price": "data", "size": "data.q"})


def test_strings_with_escapes_are_put_behind_the_batch() -> None:
    raw = raw_batch(
        [value('"exchange":"N\\u0059SE\\/\\ud83d\\ude00","trade_id":"\\u0031\\u0032"'), value('"exchange":"X"')]
    )
    batch = JsonDecoder().decode(raw)
    first, second = trades_of(batch)
    assert (first["exchange"], first["trade_id"], first["trade_id_number"]) == ("NYSE/😀".encode(), b"12", 12)
    assert second["exchange"] == b"X"
    assert batch.text.startswith(raw.data)


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (b"", Reason.EMPTY_VALUE, "the value is empty"),
        (value('"x":"\u00e9"').replace(b"\xa9", b""), Reason.CORRUPT, "utf-8"),
        (b"[]", Reason.CORRUPT, "the value isn't a JSON object"),
        (b"{", Reason.CORRUPT, "truncated"),
        (value()[:-1], Reason.CORRUPT, "truncated"),
        (value() + b"{}", Reason.CORRUPT, "malformed"),
        (value('"x":01'), Reason.CORRUPT, "malformed"),
        (value('"x":1.'), Reason.CORRUPT, "malformed"),
        (value('"x":nul'), Reason.CORRUPT, "malformed"),
        (value('"x":"\\q"'), Reason.CORRUPT, "malformed"),
        (value('"exchange":"\\u0041\\q"'), Reason.CORRUPT, "malformed"),
        (value('"exchange":"\\u0041",'), Reason.CORRUPT, "malformed"),
        (value('"x":[1,]'), Reason.CORRUPT, "malformed"),
        (value('"x":' + "[" * 600 + "]" * 600), Reason.CORRUPT, "too deep"),
        (b"{}", Reason.MISSING_FIELD, "missing: symbol, price, size, event_time"),
        (value('"price":null'), Reason.MISSING_FIELD, "missing: price"),
        (value('"price":"1,5"'), Reason.BAD_VALUE, "price is '1,5'"),
        (value('"price":true'), Reason.BAD_VALUE, "price is of a kind that can't be read as price"),
        (value('"price":{}'), Reason.BAD_VALUE, "price is of a kind"),
        (value('"trade_id":5.5'), Reason.BAD_VALUE, "trade_id is of a kind"),
        (value('"size":1e18'), Reason.OUT_OF_RANGE, "size is '1e18'"),
        (value('"size":1e-11'), Reason.OUT_OF_RANGE, "size is '1e-11'"),
        (value('"exchange":"' + "x" * 65_536 + '"'), Reason.TOO_LARGE, "exchange is"),
        (value('"exchange":"' + "x" * 200_000 + '"'), Reason.TOO_LARGE, "bytes, more than 100000"),
    ],
)
def test_each_refusal_and_its_words(text: bytes, reason: Reason, words: str) -> None:
    raw = raw_batch([value(), text, value()])
    batch = JsonDecoder(value_bytes_max=100_000).decode(raw)
    assert [int(row["offset"]) for row in batch.rows] == [100, 102]
    (reject,) = batch.rejects
    assert (reject.reason, reject.value, reject.key) == (reason, text, b"key-1")
    assert words in reject.detail


@pytest.mark.parametrize(
    ("written", "number"),
    [("10.0", 10), ('"10.0"', 10), ('" 010"', 10), ("102523573486100000001", 102523573486100000001), ('"1e1"', NO_ID)],
)
def test_ids_are_numbers_however_they_are_written(written: str, number: int) -> None:
    (trade,) = trades_of(JsonDecoder().decode(raw_batch([value(f'"trade_id":{written}')])))
    assert (trade["trade_id"], trade["trade_id_number"]) == (written.strip('"').encode(), number)


BYBIT = {"symbol": "data[].s", "price": "data[].p", "size": "data[].v", "event_time": "data[].T", "side": "data[].S"}


def test_every_item_of_an_array_is_a_trade() -> None:
    record = (
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":['
        '{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"20f43950"},'
        '{"T":1672304486866,"s":"BTC\\u0055SDT","S":"Sell","v":"2","p":"16578.40","i":"20f43951"}]}'
    )
    batch = JsonDecoder(BYBIT).decode(raw_batch([record.encode(), b'{"data":[]}', record.encode()]))
    assert [trade["symbol"] for trade in trades_of(batch)] == [b"BTCUSDT"] * 4
    assert [trade["price"] for trade in trades_of(batch)][:2] == [165_785 * 10**9, 165_784 * 10**9]
    assert batch.rows[["offset", "index"]].tolist() == [(100, 0), (100, 1), (102, 0), (102, 1)]
    assert (batch.read, batch.next_offset, batch.rejects) == (4, 103, [])


def test_one_bad_trade_refuses_its_record_whole() -> None:
    good = '{"T":1672304486865,"s":"A","S":"Buy","v":1,"p":1}'
    batch = JsonDecoder(BYBIT).decode(raw_batch([f'{{"data":[{good},{good.replace(":1,", ":x1,")}]}}'.encode(),
                                                 f'{{"data":[{good},{{"s":"A"}},{{}}]}}'.encode(),
                                                 f'{{"data":[{good}]}}'.encode(), b'{"op":"subscribe"}']))  # fmt: skip
    assert [int(row["offset"]) for row in batch.rows] == [102]
    assert reasons_of(batch) == [Reason.CORRUPT, Reason.MISSING_FIELD, Reason.MISSING_FIELD]
    assert batch.rejects[1].detail.startswith("trade 1 of the record: missing: price (data[].p)")
    assert batch.rejects[2].detail.startswith("missing: symbol (data[].s)")
    assert batch.read == 4


def test_an_array_on_top_and_items_by_their_position() -> None:
    names = {"symbol": "[].sym", "price": "[].p", "size": "[].s", "event_time": "[].t"}
    polygon = (
        b'[{"ev":"XT","sym":"X:BTC","p":1.5,"s":2,"t":1672304486865},{"sym":"ES=F","p":2,"s":1,"t":1672304486865}]'
    )
    assert [trade["symbol"] for trade in trades_of(JsonDecoder(names).decode(raw_batch([polygon])))] == [
        b"X:BTC",
        b"ES=F",
    ]
    names = {"symbol": "3", "price": "1[].0", "size": "1[].1", "event_time": "1[].2", "side": "1[].3"}
    first, second = '["5541.2","0.15","1534614057.321597","s","l",""]', '["5541.3","7","1534614058","b","l",""]'
    kraken = f'[0,[{first},{second}],"trade","XBT/USD"]'.encode()
    found = trades_of(JsonDecoder(names).decode(raw_batch([kraken])))
    assert [(trade["symbol"], trade["price"] // 10**9, trade["side"]) for trade in found] == [
        (b"XBT/USD", 55_412, SELL), (b"XBT/USD", 55_413, BUY),
    ]  # fmt: skip


@pytest.mark.compiled
def test_more_trades_than_there_was_room_for_at_first() -> None:
    item = '{"T":1672304486865,"s":"A","S":"Buy","v":1,"p":1}'
    batch = JsonDecoder(BYBIT).decode(raw_batch([f'{{"data":[{",".join([item] * 9000)}]}}'.encode()] * 2))
    assert len(batch) == 18_000
    assert batch.rows["index"].max() == 8999


@pytest.mark.parametrize("names", [{"price": "a[].p", "size": "b[].s"}, {"price": "a[][].p"}])
def test_arrays_that_nobody_could_tell_apart(names: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="field_map"):
        JsonDecoder(names)


def test_a_quote_with_an_escape_does_not_end_a_text() -> None:
    assert only_trade(value(r'"exchange":"a\"b\\"'))["exchange"] == b'a"b\\'


def test_a_record_of_just_the_greatest_size_is_read() -> None:
    assert only_trade(value(), value_bytes_max=len(value()))["symbol"] == b"BTC/USDT"
    batch = JsonDecoder(value_bytes_max=len(value()) - 1).decode(raw_batch([value()]))
    assert reasons_of(batch) == [Reason.TOO_LARGE]
