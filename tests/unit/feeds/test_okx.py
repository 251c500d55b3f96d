"""Frames of OKX, as its documentation and recordings have them."""

from feeds.okx import OKX
from tests.unit.feeds.told import quotes, reason, told, trades

TRADES = (
    '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474",'
    '"px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3"}]}'
)


def test_trades_of_spot_swaps_and_dated_contracts() -> None:
    row = ('"42219.9"', '"0.12060306"', "BUY", "130639474", 1_630_048_897_897_000, False)
    assert trades(OKX, TRADES) == [("BTC/USDT", *row)]
    assert trades(OKX, TRADES.replace('"trades"', '"trades-all"').replace("C-USDT", "C-USDT-SWAP")) == [
        ("BTC/USDT-PERP", *row)
    ]
    assert trades(OKX, TRADES.replace("BTC-USDT", "BTC-USD-220527"))[0][0] == "BTC/USD-220527"


def test_the_best_bid_and_ask() -> None:
    ticker = (
        '{"arg":{"channel":"tickers","instId":"A-B"},"data":[{"instId":"A-B","last":"1","bidPx":"1.0","bidSz":"2",'
        '"askPx":"1.10","askSz":"3","ts":"1652459235637"}]}'
    )
    assert quotes(OKX, ticker) == [("A/B", '"1.0"', '"2"', '"1.10"', '"3"', 1_652_459_235_637_000)]


def test_answers_and_other_channels_tell_nothing() -> None:
    for frame in ("pong", '{"event":"subscribe","arg":{"channel":"trades"}}', TRADES.replace('"trades"', '"books"')):
        assert told(OKX, frame).trades == []


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(OKX, TRADES.replace('"px"', '"price"'))[0] == "trades"
    assert reason(OKX, TRADES.replace('"ts":"1630048897897",', ""))[0] == "trades"
    assert reason(OKX, "7")[0] == ""
