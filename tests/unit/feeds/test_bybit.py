"""Frames of Bybit: V5 from its documentation, V1 as recordings have it."""

from feeds.bybit import BYBIT, BYBIT_INVERSE, BYBIT_LINEAR
from feeds.marks import Mark
from tests.unit.feeds.told import notice, past, quotes, reason, refused, told, trades

V5 = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",'
    '"S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}]}'
)
V1 = (
    '{"topic":"trade.BTCUSD","data":[{"trade_time_ms":1618677786614,"timestamp":"2021-04-17T16:43:06.000Z",'
    '"symbol":"BTCUSD","side":"Sell","size":4,"price":60621.50,"trade_id":"5ffb","cross_seq":5}]}'
)

BOOK = (
    '{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1672304484978,"data":{"s":"BTCUSDT",'
    '"b":[["16493.500000000000000001","0.006"]],"a":[["16611.00","0.0290"]],"u":18521288,"seq":7961638724},'
    '"cts":1672304484976}'
)


def test_trades_of_each_kind_of_market() -> None:
    row = ('"16578.50"', '"0.001"', "BUY", "20f43950-d8dd-5b31-9112-a178eb6023af", 1_672_304_486_865_000, False)
    assert trades(BYBIT, V5) == [("BTC/USDT", *row)]
    assert trades(BYBIT_LINEAR, V5) == [("BTC/USDT-PERP", *row)]


def test_numbers_of_json_keep_their_digits() -> None:
    assert trades(BYBIT_INVERSE, V1) == [
        ("BTC/USD-PERP", "60621.50", "4", "SELL", "5ffb", 1_618_677_786_614_000, False)
    ]


def test_answers_and_other_channels_tell_nothing() -> None:
    for frame in ('{"success":true,"op":"pong"}', V5.replace("publicTrade.", "orderbook.50.")):
        assert told(BYBIT, frame).trades == []


def test_best_bids_and_asks_keep_their_digits_and_have_the_time_of_the_matching_engine() -> None:
    row = ('"16493.500000000000000001"', '"0.006"', '"16611.00"', '"0.0290"', 1_672_304_484_976_000)
    assert quotes(BYBIT, BOOK) == [("BTC/USDT", *row)]
    assert quotes(BYBIT_LINEAR, BOOK) == [("BTC/USDT-PERP", *row)]
    inverse = BOOK.replace("BTCUSDT", "BTCUSD")
    assert quotes(BYBIT_INVERSE, inverse) == [("BTC/USD-PERP", *row)]
    empty = BOOK.replace('[["16611.00","0.0290"]]', "[]")
    assert quotes(BYBIT, empty) == [("BTC/USDT", *row[:2], "0", "0", row[4])]


def test_a_book_that_is_not_whole_is_unreadable() -> None:
    for changed in (BOOK.replace("snapshot", "delta"), BOOK.replace('"cts"', '"was"'), BOOK.replace('"b"', '"was"')):
        assert reason(BYBIT, changed)[0] == "orderbook.1"


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(BYBIT, V5.replace('"T":1672304486865,', ""))[0] == "publicTrade.BTCUSDT"
    assert reason(BYBIT, "[]")[0] == ""


def test_a_frame_has_ten_markets_at_most() -> None:
    symbols = [f"A{number}/USDT" for number in range(11)]
    (found,) = BYBIT.subscriptions(symbols, quotes=False)
    assert found.address == "wss://stream.bybit.com/v5/public/spot"
    assert len(found.frames) == 2
    assert found.frames[1] == '{"op":"subscribe","args":["publicTrade.A10USDT"]}'
    (found,) = BYBIT.subscriptions(symbols, quotes=True)
    assert len(found.frames) == 3
    assert found.frames[2] == '{"op":"subscribe","args":["orderbook.1.A9USDT","orderbook.1.A10USDT"]}'


def test_answers_and_errors() -> None:
    assert notice(BYBIT, '{"success":true,"ret_msg":"","op":"subscribe"}') == ("subscribed", "", "")
    assert notice(BYBIT, '{"success":true,"ret_msg":"pong","op":"ping"}')[0] == "heard"
    error = '{"success":false,"ret_msg":"%s","op":"subscribe"}'
    words = "Invalid symbol :[publicTrade.ABUSDT]"
    assert notice(BYBIT, error % words) == ("refused", "AB/USDT", words)
    assert notice(BYBIT, error % words.replace("publicTrade", "orderbook.1"))[1] == "AB/USDT"
    assert notice(BYBIT_LINEAR, error % words)[1] == "AB/USDT-PERP"
    assert notice(BYBIT, error % "too many args")[0] == "failed"
    assert notice(BYBIT, '{"hello":1}') == ("", "", "")


def test_the_past_is_the_last_trades() -> None:
    asked = "https://api.bybit.com/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
    assert BYBIT_LINEAR.history("BTC/USDT-PERP", Mark(5, "a"), Mark(9, "b")) == asked
    row = '{"execId":"%s","symbol":"AB","price":"20.0","size":"0.5","side":"Sell","time":"170000000000%d"}'
    rows = f"{row % ('b', 2)},{row % ('a', 1)}"
    page = f'{{"retCode":0,"retMsg":"OK","result":{{"category":"spot","list":[{rows}]}}}}'
    assert [each[4] for each in past(BYBIT, "A/USDT", page)] == ["a", "b"]
    assert refused(BYBIT, "A/USDT", '{"retCode":10001,"retMsg":"no such"}') == "10001 no such"
