"""Frames of Bitget: V2 from its documentation, V1 as recordings have it."""

import pytest

from feeds.bitget import BITGET
from feeds.marks import Mark
from tests.unit.feeds.told import RECEIVED_US, notice, past, quotes, reason, refused, told, trades

V2 = (
    '{"action":"ACTION","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},"data":['
    '{"ts":"1695716760565","price":"27000.5","size":"0.001","side":"buy","tradeId":"2"},'
    '{"ts":"1695716759514","price":"27000.0","size":"0.0010","side":"sell","tradeId":"1"}],"ts":1695716761589}'
)
V1 = (
    '{"action":"update","arg":{"instType":"mc","channel":"trade","instId":"DASHUSDT"},"data":'
    '[["1649290076980","113.37","0.49","sell"]]}'
)


def test_trades_are_told_oldest_first_and_a_snapshot_is_past() -> None:
    newer = ("BTC/USDT", '"27000.5"', '"0.001"', "BUY", "2", 1_695_716_760_565_000)
    older = ("BTC/USDT", '"27000.0"', '"0.0010"', "SELL", "1", 1_695_716_759_514_000)
    for action, is_past in (("update", False), ("snapshot", True)):
        assert trades(BITGET, V2.replace("ACTION", action)) == [(*older, is_past), (*newer, is_past)]


def test_arrays_of_the_first_version_and_a_contract() -> None:
    assert trades(BITGET, V1) == [("DASH/USDT-PERP", '"113.37"', '"0.49"', "SELL", "", 1_649_290_076_980_000, False)]
    assert trades(BITGET, V1.replace('"mc"', '"sp"'))[0][0] == "DASH/USDT"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            '"bidPr":"1.5","askPr":"1.6","bidSz":"7","askSz":"8","ts":"1695716760565"',
            ('"1.5"', '"7"', '"1.6"', '"8"', 1_695_716_760_565_000),
        ),
        ('"bestBid":"1.5","bestAsk":"1.6","ts":1649290076193', ('"1.5"', "0", '"1.6"', "0", 1_649_290_076_193_000)),
        (
            '"bestBid":"1.5","bestAsk":"1.6","systemTime":1649290076193',
            ('"1.5"', "0", '"1.6"', "0", 1_649_290_076_193_000),
        ),
        ('"bestBid":"1.5","bestAsk":"1.6"', ('"1.5"', "0", '"1.6"', "0", RECEIVED_US)),
        ('"bidPr":"1.5","askPr":"1.6"', ('"1.5"', "0", '"1.6"', "0", RECEIVED_US)),
    ],
)
def test_the_best_bid_and_ask(row: str, expected: tuple[object, ...]) -> None:
    frame = f'{{"action":"snapshot","arg":{{"instType":"sp","channel":"ticker","instId":"ABTC"}},"data":[{{{row}}}]}}'
    assert quotes(BITGET, frame) == [("A/BTC", *expected)]


def test_answers_and_other_channels_tell_nothing() -> None:
    for frame in ("pong", '{"event":"subscribe","arg":{"channel":"trade"}}', V1.replace('"trade"', '"books"')):
        assert told(BITGET, frame).trades == []


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(BITGET, V1.replace("1649290076980", "soon"))[0] == "trade"
    assert reason(BITGET, V1.replace('"113.37",', ""))[0] == "trade"
    assert reason(BITGET, V2.replace('"price"', '"px"')) == (
        "trade",
        "Object missing required field `price` - at `$[0]`",
    )
    assert reason(BITGET, "{")[0] == ""


def test_markets_are_subscribed_to_by_kind() -> None:
    (found,) = BITGET.subscriptions(["BTC/USDT", "ETH/USD-PERP"], quotes=True)
    assert found.address == "wss://ws.bitget.com/v2/ws/public"
    assert found.frames == (
        '{"op":"subscribe","args":['
        '{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},'
        '{"instType":"SPOT","channel":"ticker","instId":"BTCUSDT"},'
        '{"instType":"COIN-FUTURES","channel":"trade","instId":"ETHUSD"},'
        '{"instType":"COIN-FUTURES","channel":"ticker","instId":"ETHUSD"}]}',
    )
    assert '"ticker"' not in BITGET.subscriptions(["BTC/USDT"], quotes=False)[0].frames[0]


def test_answers_are_about_trades() -> None:
    answer = '{"event":"subscribe","arg":{"instType":"%s","channel":"%s","instId":"BTCUSDT"}}'
    assert notice(BITGET, answer % ("SPOT", "trade")) == ("subscribed", "BTC/USDT", "")
    assert notice(BITGET, answer % ("USDT-FUTURES", "trade")) == ("subscribed", "BTC/USDT-PERP", "")
    assert notice(BITGET, answer % ("SPOT", "ticker"))[0] == notice(BITGET, "pong")[0] == "heard"
    error = '{"event":"error","arg":{"instType":"SPOT","channel":"trade","instId":"AB"},"code":%s,"msg":"no  such"}'
    assert notice(BITGET, error % 30001) == ("refused", "AB", "30001 no such")
    assert notice(BITGET, error % 30006) == ("failed", "AB", "30006 no such")
    assert notice(BITGET, '{"event":"error","code":"30003","msg":"bad op"}') == ("failed", "", "30003 bad op")
    assert notice(BITGET, '{"event":"login"}')[0] == "heard"


def test_the_past_goes_backward_by_id_or_by_time() -> None:
    after = Mark(1_700_000_000_000_001, "5")
    asked = "https://api.bitget.com/api/v2/spot/market/fills-history?symbol=BTCUSDT&limit=1000"
    assert BITGET.history("BTC/USDT", after, None) == asked
    assert BITGET.history("BTC/USDT", after, Mark(9, "77")) == f"{asked}&idLessThan=77"
    later = Mark(after.time_us + 1_000_000)
    assert BITGET.history("BTC/USDT", after, later) == f"{asked}&startTime=1700000000000&endTime=1700000001001", (
        "whole milliseconds that hold both"
    )
    days = Mark(after.time_us + 8 * 86_400_000_000)
    assert "startTime=1700604800000" in BITGET.history("BTC/USDT", after, days), "a day at most"
    mix = "https://api.bitget.com/api/v2/mix/market/fills-history?productType=USDT-FUTURES&symbol=BTCUSDT&limit=1000"
    assert BITGET.history("BTC/USDT-PERP", after, None) == mix


def test_a_page_of_the_past_is_told_oldest_first() -> None:
    row = '{"tradeId":"9","side":"Sell","price":"1.50","size":"2","ts":"1700000000002","symbol":"ABTC"}'
    rows = f"{row},{row.replace('9', '8').replace('Sell', 'Buy')}"
    page = f'{{"code":"00000","msg":"success","data":[{rows}]}}'
    newer = ("A/BTC", '"1.50"', '"2"', "SELL", "9", 1_700_000_000_002_000)
    assert past(BITGET, "A/BTC", page) == [("A/BTC", '"1.50"', '"2"', "BUY", "8", 1_700_000_000_002_000), newer]
    assert past(BITGET, "A/BTC", '{"code":"00000","data":null}') == []
    assert refused(BITGET, "A/BTC", '{"code":"40034","msg":"no such symbol"}') == "40034 no such symbol"
