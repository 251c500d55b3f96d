"""Frames of Binance, as its documentation and recordings have them."""

from feeds.binance import BINANCE, BINANCE_FUTURES
from feeds.marks import Mark
from tests.unit.feeds.told import RECEIVED_US, notice, past, quotes, reason, refused, told, trades

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


def test_all_streams_are_subscribed_to_by_one_frame() -> None:
    (found,) = BINANCE.subscriptions(["BTC/USDT", "A1/USDT"], quotes=True)
    assert found.address == "wss://stream.binance.com:9443/stream"
    assert found.frames == (
        '{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","a1usdt@aggTrade","btcusdt@bookTicker",'
        '"a1usdt@bookTicker"],"id":1}',
    )
    (of_futures,) = BINANCE_FUTURES.subscriptions(["BTC/USDT-PERP", "BTC/USDT-210625"], quotes=False)
    assert '"btcusdt@aggTrade","btcusdt_210625@aggTrade"' in of_futures.frames[0]


def test_best_bids_and_asks_of_futures_come_by_an_address_of_their_own() -> None:
    trades, bests = BINANCE_FUTURES.subscriptions(["BTC/USDT-PERP"], quotes=True)
    assert (trades.address, trades.symbols) == ("wss://fstream.binance.com/market/stream", ("BTC/USDT-PERP",))
    assert trades.frames == ('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}',)
    assert (bests.address, bests.symbols) == ("wss://fstream.binance.com/public/stream", ())
    assert bests.frames == ('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}',)


def test_answers_errors_and_the_end_of_a_session() -> None:
    assert notice(BINANCE, '{"result":null,"id":1}') == ("subscribed", "", "")
    assert notice(BINANCE, '{"code":2,"msg":"Invalid request","id":1}') == ("failed", "", "Invalid request")
    assert notice(BINANCE, '{"error":{"code":2},"id":1}') == ("failed", "", '{"code":2}')
    for frame in ('{"e":"serverShutdown","E":1}', '{"stream":"","data":{"e":"serverShutdown","E":1}}'):
        assert notice(BINANCE, frame) == ("ending", "", "serverShutdown")
    assert notice(BINANCE, '{"hello":"world"}') == ("", "", "")


def test_the_past_goes_forward_by_id_or_from_a_time() -> None:
    asked = "https://api.binance.com/api/v3/aggTrades?symbol=BTCUSDT&limit=1000"
    assert BINANCE.history("BTC/USDT", Mark(1_700_000_000_000_001, "41"), None) == f"{asked}&fromId=42"
    assert BINANCE.history("BTC/USDT", Mark(1_700_000_000_000_001), None) == f"{asked}&startTime=1700000000000"
    page = '[{"a":42,"p":"1.50","q":"2","f":1,"l":3,"T":1700000000002,"m":%s,"M":true}]'
    row = ("BTC/USDT", '"1.50"', '"2"', "BUY", "42", 1_700_000_000_002_000)
    assert past(BINANCE, "BTC/USDT", page % "false") == [row]
    assert past(BINANCE, "BTC/USDT", page % "true")[0][3] == "SELL"
    assert "array" in refused(BINANCE, "BTC/USDT", '{"code":-1121,"msg":"Invalid symbol."}')
