"""Frames of OKX, as its documentation and recordings have them."""

from feeds.marks import Mark
from feeds.okx import OKX
from tests.unit.feeds.told import notice, past, quotes, reason, refused, told, trades

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


def test_trades_and_quotes_have_addresses_of_their_own() -> None:
    trades, bests = OKX.subscriptions(["BTC/USDT", "BTC/USDT-PERP", "BTC/USD-220527"], quotes=True)
    assert trades.address == "wss://ws.okx.com:8443/ws/v5/business"
    assert trades.frames == (
        '{"op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"},'
        '{"channel":"trades-all","instId":"BTC-USDT-SWAP"},{"channel":"trades-all","instId":"BTC-USD-220527"}]}',
    )
    assert (bests.address, bests.symbols) == ("wss://ws.okx.com:8443/ws/v5/public", ())
    assert '"tickers"' in bests.frames[0]


def test_answers_errors_and_the_end_of_a_session() -> None:
    answer = '{"event":"subscribe","arg":{"channel":"%s","instId":"BTC-USDT-SWAP"},"connId":"a"}'
    assert notice(OKX, answer % "trades-all") == ("subscribed", "BTC/USDT-PERP", "")
    assert notice(OKX, answer % "tickers")[0] == notice(OKX, "pong")[0] == "heard"
    error = '{"event":"error","code":"60018","msg":"Wrong URL or channel:trades-all,instId:A-B %s"}'
    assert notice(OKX, error % "doesn't exist.")[:2] == ("refused", "A/B")
    assert notice(OKX, error % "is asked too often")[0] == "failed"
    upgrade = '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade."}'
    assert notice(OKX, upgrade)[0] == "ending"


def test_the_past_goes_backward_by_id_or_by_time() -> None:
    asked = "https://www.okx.com/api/v5/market/history-trades?instId=BTC-USDT-SWAP&limit=100"
    assert OKX.history("BTC/USDT-PERP", Mark(5, "41"), None) == asked
    assert OKX.history("BTC/USDT-PERP", Mark(5, "41"), Mark(9, "77")) == f"{asked}&type=1&after=77"
    assert OKX.history("BTC/USDT-PERP", Mark(5, "41"), Mark(9_001)) == f"{asked}&type=2&after=10"
    row = '{"instId":"A-B","side":"sell","sz":"0.5","px":"20.0","tradeId":"%d","ts":"1700000000002"}'
    page = f'{{"code":"0","msg":"","data":[{row % 8},{row % 7}]}}'
    assert [each[4] for each in past(OKX, "A/B", page)] == ["7", "8"]
    assert refused(OKX, "A/B", '{"code":"51001","msg":"no such","data":[]}') == "51001 no such"
