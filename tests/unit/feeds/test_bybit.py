"""Frames of Bybit: V5 from its documentation, V1 as recordings have it."""

from feeds.bybit import BYBIT, BYBIT_INVERSE, BYBIT_LINEAR
from tests.unit.feeds.told import reason, told, trades

V5 = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",'
    '"S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}]}'
)
V1 = (
    '{"topic":"trade.BTCUSD","data":[{"trade_time_ms":1618677786614,"timestamp":"2021-04-17T16:43:06.000Z",'
    '"symbol":"BTCUSD","side":"Sell","size":4,"price":60621.50,"trade_id":"5ffb","cross_seq":5}]}'
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
    for frame in ('{"success":true,"op":"pong"}', V5.replace("publicTrade.", "orderbook.1.")):
        assert told(BYBIT, frame).trades == []


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(BYBIT, V5.replace('"T":1672304486865,', ""))[0] == "publicTrade.BTCUSDT"
    assert reason(BYBIT, "[]")[0] == ""
