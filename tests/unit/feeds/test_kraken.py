"""Frames of Kraken: V2 from its documentation, V1 as recordings have it."""

from feeds.kraken import KRAKEN
from tests.unit.feeds.told import RECEIVED_US, quotes, reason, told, trades

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
