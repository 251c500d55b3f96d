"""Frames of Bitget: V2 from its documentation, V1 as recordings have it."""

import pytest

from feeds.bitget import BITGET
from tests.unit.feeds.told import RECEIVED_US, quotes, reason, told, trades

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
