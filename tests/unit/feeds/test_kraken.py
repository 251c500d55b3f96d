"""Frames of Kraken: V2 from its documentation, V1 as recordings have it."""

from feeds.kraken import KRAKEN
from feeds.marks import Mark
from tests.unit.feeds.told import RECEIVED_US, notice, past, quotes, reason, refused, told, trades

V1 = (
    '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""],["6060.0","0.02455","1534614057.3","b","l",""]],'
    '"trade","XBT/USD"]'
)
V2 = (
    '{"channel":"trade","type":"TYPE","data":[{"symbol":"MATIC/USD","side":"sell","price":0.51170000000000004,'
    '"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}'
)


def test_arrays_are_told_oldest_first_under_the_usual_names() -> None:
    assert trades(KRAKEN, V1) == [
        ("BTC/USD", '"6060.0"', '"0.02455"', "BUY", "", 1_534_614_057_300_000, False),
        ("BTC/USD", '"5541.20000"', '"0.15850568"', "SELL", "", 1_534_614_057_321_597, False),
    ]


def test_numbers_of_json_keep_digits_that_no_double_has() -> None:
    row = ("MATIC/USD", "0.51170000000000004", "40.0", "SELL", "4665906", "2023-09-25T07:49:37.708706Z")
    assert trades(KRAKEN, V2.replace("TYPE", "update")) == [(*row, False)]
    assert trades(KRAKEN, V2.replace("TYPE", "snapshot")) == [(*row, True)]


def test_the_best_bid_and_ask() -> None:
    old = '[1924,{"a":["0.043090",44640,"44640.5"],"b":["0.042960",15188,"15188.7"],"t":[1,2]},"ticker","XDG/EUR"]'
    assert quotes(KRAKEN, old) == [("DOGE/EUR", '"0.042960"', '"15188.7"', '"0.043090"', '"44640.5"', RECEIVED_US)]
    new = (
        '{"channel":"ticker","type":"update","data":[{"symbol":"A/USD","bid":0.10,"bid_qty":7,"ask":0.11,"ask_qty":8}]}'
    )
    assert quotes(KRAKEN, new) == [("A/USD", "0.10", "7", "0.11", "8", RECEIVED_US)]


def test_events_and_other_channels_tell_nothing() -> None:
    for frame in (
        '{"event":"heartbeat"}', '{"channel":"heartbeat"}', '{"channel":"status","data":[{}]}',
        '[1,{"a":[]},{"b":[]},"book-10","XBT/USD"]', '[1,{},"book-10","XBT/USD"]', '[1,[],"spread","XBT/USD"]',
    ):  # fmt: skip
        assert told(KRAKEN, frame).trades == []


def test_what_cannot_be_read_is_named_with_its_channel() -> None:
    assert reason(KRAKEN, V1.replace("1534614057.3", "yesterday"))[0] == "trade"
    assert reason(KRAKEN, V1.replace("1534614057.3", "1534614057.1234567"))[0] == "trade"
    assert reason(KRAKEN, V2.replace('"qty":40.0,', ""))[0] == "trade"
    assert reason(KRAKEN, "[1]")[0] == ""


def test_channels_are_subscribed_to_one_by_one() -> None:
    (found,) = KRAKEN.subscriptions(["BTC/USD", "DOGE/EUR"], quotes=True)
    assert found.address == "wss://ws.kraken.com/v2"
    assert found.frames == (
        '{"method":"subscribe","params":{"channel":"trade","snapshot":true,"symbol":["BTC/USD","DOGE/EUR"]}}',
        '{"method":"subscribe","params":{"channel":"ticker","event_trigger":"bbo","symbol":["BTC/USD","DOGE/EUR"]}}',
    )
    assert len(KRAKEN.subscriptions(["BTC/USD"], quotes=False)[0].frames) == 1


def test_answers_of_the_second_version() -> None:
    answer = '{"method":"subscribe","result":{"channel":"%s","symbol":"XBT/USD"},"success":true}'
    assert notice(KRAKEN, answer % "trade") == ("subscribed", "BTC/USD", "")
    assert notice(KRAKEN, answer % "ticker")[0] == "heard"
    error = '{"error":"Currency pair not supported A/B","method":"subscribe","success":false%s}'
    assert notice(KRAKEN, error % ',"symbol":"A/B"') == ("refused", "A/B", "Currency pair not supported A/B")
    assert notice(KRAKEN, error % "")[0] == "failed"
    for frame in (
        '{"channel":"heartbeat"}',
        '{"method":"pong"}',
        '{"channel":"status","data":[{"system":"online"}],"type":"update"}',
    ):
        assert notice(KRAKEN, frame)[0] == "heard"


def test_the_past_goes_forward_from_a_time() -> None:
    asked = "https://api.kraken.com/0/public/Trades?pair=XBTUSD&count=1000&since=1700000000000000000"
    assert KRAKEN.history("BTC/USD", Mark(1_700_000_000_000_001, "41"), None) == asked
    rows = '["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]'
    page = f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"1688669597827736900"}}}}'
    row = ("BTC/USD", '"30243.40000"', '"0.34507674"', "BUY", "61044952", 1_688_669_597_827_736)
    assert past(KRAKEN, "BTC/USD", page) == [row]
    assert past(KRAKEN, "BTC/USD", page.replace("97.8277369", "97"))[0][5] == 1_688_669_597_000_000
    assert past(KRAKEN, "BTC/USD", '{"error":[],"result":{"last":"1"}}') == []
    assert refused(KRAKEN, "BTC/USD", '{"error":["EGeneral:Too many requests"]}') == "EGeneral:Too many requests"
