"""Times of venues, the order of what they tell, and what can't be read."""

import msgspec
import pytest

from feeds.frame import EMPTY, in_order, microseconds, notice, read
from feeds.rows import Told, Trade


def trade(trade_id: str, event_time: int | str) -> Trade:
    return Trade("A/B", "AB", EMPTY, EMPTY, "BUY", trade_id, event_time)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (1_649_290_076_980, 1_649_290_076_980_000),
        ("1649290076980", 1_649_290_076_980_000),
        ("1534614057.321597", 1_534_614_057_321_597),
        ("1534614057.3", 1_534_614_057_300_000),
    ],
)
def test_times_become_microseconds(time: int | str, expected: int) -> None:
    assert microseconds(time) == expected


@pytest.mark.parametrize("time", ["", "soon", "1.1234567", "1.x", "1e3"])
def test_what_is_no_time_is_an_error(time: str) -> None:
    with pytest.raises(ValueError, match=r"no time|invalid literal"):
        microseconds(time)


def test_a_list_that_begins_with_the_newest_is_turned_around() -> None:
    newest_first = Told(trades=[trade("3", 9), trade("2", 9), trade("1", 8)])
    assert [each.trade_id for each in in_order(newest_first).trades] == ["1", "2", "3"]
    oldest_first = Told(trades=[trade("1", "2021-04-17T16:43:30.2Z"), trade("2", "2021-04-17T16:43:31Z")])
    assert [each.trade_id for each in in_order(oldest_first).trades] == ["1", "2"]
    assert in_order(Told()).trades == []


def test_what_cannot_be_decoded_is_told_in_one_line() -> None:
    def fail() -> Told:
        raise msgspec.DecodeError("no\n  JSON")

    found = read("trades", fail).unreadable
    assert found is not None
    assert (found.channel, found.reason) == ("trades", "no JSON")


def test_ids_decide_among_trades_of_one_time() -> None:
    jumbled = [trade("9", 5), trade("11", 6), trade("10", 6), trade("8", 5)]
    assert [each.trade_id for each in in_order(Told(trades=jumbled)).trades] == ["8", "9", "10", "11"]
    newest_first = [trade("10", 6), trade("9", 6)]
    assert [each.trade_id for each in in_order(Told(trades=newest_first)).trades] == ["9", "10"]


def test_a_notice_is_one_line() -> None:
    found = notice("failed", "A/B", "two\n lines " + "x" * 300).notice
    assert found is not None
    assert found.words.startswith("two lines xx")
    assert len(found.words) == 200


@pytest.mark.parametrize("raw", [b"{}", b"[1]", b"null", b"true"])
def test_a_trade_without_numbers_is_unreadable(raw: bytes) -> None:
    for price, size in ((raw, b"1"), (b'"1"', raw)):
        row = Trade("A/B", "AB", msgspec.Raw(price), msgspec.Raw(size), "BUY", "1", 1)
        found = read("trade", lambda row=row: Told(trades=[row]))
        assert found.trades == []
        assert found.unreadable is not None
        assert found.unreadable.channel == "trade"
