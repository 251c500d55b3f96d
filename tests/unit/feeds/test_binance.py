"""Frames of Binance, as its documentation and recordings have them."""

from feeds.binance import BINANCE, BINANCE_FUTURES
from tests.unit.feeds.told import RECEIVED_US, quotes, reason, told, trades

TRADE = '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.00100000","q":"100","T":1672515782135,"m":true}'
AGGREGATE = (
    '{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1633998523963,"s":"NKNUSDT","a":15683430,'
    '"p":"0.35280000","q":"58.00000000","f":19862790,"l":19862790,"T":1633998523963,"m":false,"M":true}}'
)


def test_trades_alone_and_in_an_envelope() -> None:
    assert trades(BINANCE, TRADE) == [
        ("BNB/BTC", '"0.00100000"', '"100"', "SELL", "12345", 1_672_515_782_135_000, False)
    ]
    assert trades(BINANCE, AGGREGATE) == [
        ("NKN/USDT", '"0.35280000"', '"58.00000000"', "BUY", "15683430", 1_633_998_523_963_000, False)
    ]


def test_a_contract_is_another_symbol_than_spot() -> None:
    assert trades(BINANCE_FUTURES, AGGREGATE)[0][0] == "NKN/USDT-PERP"
    assert trades(BINANCE_FUTURES, AGGREGATE.replace("NKNUSDT", "BTCUSDT_210625"))[0][0] == "BTC/USDT-210625"


def test_the_best_bid_and_ask_with_and_without_a_time() -> None:
    spot = '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}'
    numbers = ("BNB/USDT", '"25.35190000"', '"31.21000000"', '"25.36520000"', '"40.66000000"')
    assert quotes(BINANCE, spot) == [(*numbers, RECEIVED_US)]
    timed = spot.replace('{"u"', '{"e":"bookTicker","T":1568014460891,"u"')
    assert quotes(BINANCE, f'{{"stream":"bnbusdt@bookTicker","data":{timed}}}') == [(*numbers, 1_568_014_460_891_000)]


def test_what_is_neither_tells_nothing() -> None:
    for frame in ('{"result":null,"id":1}', '{"e":"kline","s":"BNBBTC","k":{}}', '{"e":"depthUpdate","u":5}'):
        assert told(BINANCE, frame).trades == told(BINANCE, frame).quotes == []


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(BINANCE, "<html>")[0] == ""
    assert reason(BINANCE, TRADE.replace('"p":"0.00100000",', "")) == ("trade", "Object missing required field `p`")
    assert reason(BINANCE, TRADE.replace("12345", '"x"'))[0] == "trade"
    assert reason(BINANCE, TRADE.replace('"t":12345,', "")) == ("trade", "a trade without an id")
