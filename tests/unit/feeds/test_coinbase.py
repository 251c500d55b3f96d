"""Frames of Coinbase, as its documentation and recordings have them."""

from feeds.coinbase import COINBASE
from feeds.marks import Mark
from tests.unit.feeds.told import RECEIVED_US, notice, past, quotes, reason, refused, told, trades

MATCH = (
    '{"type":"match","trade_id":10,"sequence":50,"maker_order_id":"a","taker_order_id":"b",'
    '"time":"2014-11-07T08:19:27.028459Z","product_id":"BTC-USD","size":"5.23512","price":"400.23","side":"sell"}'
)


def test_the_side_is_the_takers() -> None:
    row = ('"400.23"', '"5.23512"', "BUY", "10", "2014-11-07T08:19:27.028459Z")
    assert trades(COINBASE, MATCH) == [("BTC/USD", *row, False)]
    assert trades(COINBASE, MATCH.replace('"match"', '"last_match"')) == [("BTC/USD", *row, True)]
    assert trades(COINBASE, MATCH.replace('"sell"', '"buy"'))[0][3] == "SELL"


def test_the_best_bid_and_ask() -> None:
    ticker = '{"type":"ticker","product_id":"A-B","best_bid":"1.10","best_ask":"1.20","best_bid_size":"3"}'
    assert quotes(COINBASE, ticker) == [("A/B", '"1.10"', '"3"', '"1.20"', "0", RECEIVED_US)]
    timed = ticker.replace("{", '{"time":"2021-04-17T16:43:30.244075Z",')
    assert quotes(COINBASE, timed)[0][-1] == "2021-04-17T16:43:30.244075Z"


def test_what_is_neither_tells_nothing_and_what_cannot_be_read_is_named() -> None:
    assert told(COINBASE, '{"type":"l2update","changes":[]}').trades == []
    assert reason(COINBASE, MATCH.replace('"price":"400.23",', ""))[0] == "matches"
    assert reason(COINBASE, "nonsense")[0] == ""


def test_channels_are_subscribed_to_by_one_frame() -> None:
    (found,) = COINBASE.subscriptions(["BTC/USD"], quotes=True)
    assert found.frames == (
        '{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches","heartbeat","ticker"]}',
    )


def test_answers_and_errors() -> None:
    matches, ticker = '{"name":"matches","product_ids":["A-B"]}', '{"name":"ticker","product_ids":["C-D"]}'
    answer = f'{{"type":"subscriptions","channels":[{ticker},{matches}]}}'
    assert notice(COINBASE, answer) == ("subscribed", "A/B", "")
    assert notice(COINBASE, '{"type":"subscriptions","channels":[]}')[0] == "heard"
    assert notice(COINBASE, '{"type":"heartbeat","last_trade_id":5}')[0] == "heard"
    error = '{"type":"error","message":"Failed to subscribe","reason":"%s"}'
    words = "A-B is not a valid product"
    assert notice(COINBASE, error % words) == ("refused", "A/B", f"Failed to subscribe: {words}")
    assert notice(COINBASE, error % "slow down")[0] == "failed"


def test_the_past_goes_backward_by_id() -> None:
    asked = "https://api.exchange.coinbase.com/products/BTC-USD/trades?limit=1000"
    assert COINBASE.history("BTC/USD", Mark(5, "41"), None) == asked
    assert COINBASE.history("BTC/USD", Mark(5, "41"), Mark(9, "77")) == f"{asked}&after=77"
    row = '{"trade_id":%d,"side":"sell","size":"0.5","price":"20.0","time":"2023-01-01T00:00:0%d.5Z"}'
    page = f"[{row % (8, 2)},{row % (7, 1)}]"
    assert [(each[3], each[4]) for each in past(COINBASE, "BTC/USD", page)] == [("BUY", "7"), ("BUY", "8")]
    assert "array" in refused(COINBASE, "BTC/USD", '{"message":"NotFound"}')
