"""Markets of a venue: what goes out, what is held, and what joins."""

from feeds.frame import EMPTY
from feeds.marks import Mark
from feeds.recording import Frame
from feeds.rows import Trade
from jobs.ingest import known_trades
from jobs.ingest import markets as module
from jobs.ingest.markets import Gap, Markets, Row

A = "A/USDT"


def row(number: int, symbol: str = A) -> Row:
    return Trade(symbol, symbol, EMPTY, EMPTY, "BUY", str(number), number * 1_000), Frame(number, b"")


def rows(*numbers: int) -> list[Row]:
    return [row(number) for number in numbers]


def ids(found: list[Row]) -> list[int]:
    return [int(each[0].trade_id) for each in found]


def test_trades_go_out_once_and_the_last_is_the_mark() -> None:
    markets = Markets()
    assert markets.mark(A) is None
    assert ids(markets.take(rows(1, 5, 5, 3))) == [1, 5, 3]
    assert markets.mark(A) == Mark(3_000, "3"), "without ids that follow, what came last"
    assert markets.repeated == 1


def test_a_held_market_keeps_its_trades_and_others_go_on() -> None:
    markets = Markets()
    markets.take(rows(1))
    markets.hold(A)
    assert ids(markets.take([row(5), row(6), row(7, "B/USDT")])) == [7]
    assert (markets.is_held(A), markets.first_held(A)) == (True, Mark(5_000, "5"))
    assert markets.touched == {A}
    assert ids(markets.add(rows(1, 3, 5))) == [3, 5]
    found, gaps = markets.release(A, at_any_rate=False)
    assert (ids(found), gaps, markets.is_held(A)) == ([6], [], False)
    assert markets.first_held(A) is None


def test_what_joins_without_ids_that_follow() -> None:
    markets = Markets()
    markets.take(rows(1))
    markets.hold(A)
    assert markets.is_joined(A, None), "nothing is held"
    markets.take(rows(9))
    assert not markets.is_joined(A, None)
    assert not markets.is_joined(A, Mark(9_000, "8")), "another one of the same moment may lack"
    assert markets.is_joined(A, Mark(9_001, "8")), "the history is beyond what is held"
    markets.add(rows(9))
    assert markets.is_joined(A, None), "what is held came from the history too"


def test_a_market_without_a_past_joins_at_once() -> None:
    markets = Markets(ids_follow=True)
    markets.hold(A)
    markets.take(rows(9))
    assert markets.is_joined(A, None)


def test_ids_that_are_left_out_hold_their_market() -> None:
    markets = Markets(ids_follow=True)
    assert ids(markets.take(rows(1, 2, 5, 6))) == [1, 2]
    assert markets.holes == {A}
    assert not markets.is_joined(A, Mark(9_999, "4"))
    assert ids(markets.add(rows(3))) == [3]
    assert markets.release(A, at_any_rate=False) == ([], [])
    assert markets.is_held(A)
    assert ids(markets.add(rows(4))) == [4]
    assert markets.is_joined(A, None)
    assert ids(markets.release(A, at_any_rate=False)[0]) == [5, 6]
    assert ids(markets.take(rows(4, 7))) == [7], "told again"


def test_held_trades_are_put_in_order_by_ids_that_follow() -> None:
    markets = Markets(ids_follow=True)
    markets.take(rows(9))
    assert ids(markets.take(rows(12, 11, 10))) == []
    assert markets.is_joined(A, None), "the hole was filled by what came late"
    assert ids(markets.release(A, at_any_rate=False)[0]) == [10, 11, 12]
    assert ids(markets.take(rows(8))) == [8], "older than all, and new"
    assert markets.mark(A) == Mark(12_000, "12")


def test_at_any_rate_everything_goes_out_and_gaps_are_told() -> None:
    markets = Markets(ids_follow=True)
    markets.take(rows(1, 4, 8))
    found, gaps = markets.release(A, at_any_rate=True)
    assert ids(found) == [4, 8]
    assert gaps == [Gap(A, Mark(1_000, "1"), Mark(4_000, "4")), Gap(A, Mark(4_000, "4"), Mark(8_000, "8"))]


def test_ids_that_are_no_numbers_leave_nothing_out() -> None:
    markets = Markets(ids_follow=True)
    markets.take([(Trade(A, A, EMPTY, EMPTY, "BUY", "x", 1), Frame(1, b""))])
    assert ids(markets.take(rows(7))) == [7]
    assert not markets.holes


def test_what_is_too_much_to_hold_is_asked_for_again(monkeypatch) -> None:
    monkeypatch.setattr(module, "HELD_MAX", 3)
    markets = Markets()
    markets.take(rows(1))
    markets.hold(A)
    markets.take(rows(2, 3, 4, 5, 6))
    assert not markets.is_joined(A, Mark(99_000)), "what was dropped lies in the history"
    markets.make_room(A)
    assert ids(markets.add(rows(2, 3, 4, 5, 6))) == [2, 3, 4, 5, 6]
    assert markets.is_joined(A, None)
    assert ids(markets.take(rows(7))) == []
    assert ids(markets.release(A, at_any_rate=False)[0]) == [7]


def test_what_is_held_before_a_cut_joins_nothing_behind_it() -> None:
    """A connection that was held ended, and what happened before the next one lacks."""
    markets = Markets()
    markets.take(rows(1))
    markets.cut(A)
    markets.take(rows(1, 2))
    markets.cut(A)
    assert (markets.is_joined(A, None), markets.first_held(A)) == (True, None)
    markets.touched.clear()
    markets.take(rows(9))
    assert markets.touched == {A}
    assert not markets.is_joined(A, None), "1 is known, and 3 to 8 lack"
    assert ids(markets.add(rows(2, 3, 9))) == [2, 3, 9]
    assert markets.is_joined(A, None)
    assert markets.release(A, at_any_rate=False) == ([], [])
    markets.hold(A)
    markets.take(rows(11))
    assert markets.first_held(A) == Mark(11_000, "11"), "a cut ends with what was held"


def test_all_markets_together_hold_so_much_and_no_more(monkeypatch) -> None:
    monkeypatch.setattr(module, "HELD_IN_ALL_MAX", 3)
    markets = Markets()
    markets.take([row(1), row(1, "B/USDT")])
    for symbol in (A, "B/USDT"):
        markets.hold(symbol)
    assert markets.take([row(2), row(3), row(2, "B/USDT"), row(3, "B/USDT")]) == []
    assert (markets.is_whole(A), markets.is_whole("B/USDT")) == (True, False)
    assert ids(markets.release(A, at_any_rate=False)[0]) == [2, 3]
    markets.make_room("B/USDT")
    markets.take([row(4, "B/USDT")])
    assert ids(markets.release("B/USDT", at_any_rate=False)[0]) == [4]
    markets.cut(A)
    assert (markets.is_cut(A), markets.is_whole(A)) == (True, False)


def test_what_lacked_goes_out_without_moving_the_market_as_far_as_ids_are_remembered(monkeypatch) -> None:
    monkeypatch.setattr(known_trades, "IDS_MIN", 3)
    monkeypatch.setattr(known_trades, "IDS_MAX", 3)
    markets = Markets()
    assert markets.can_tell(row(1)[0]), "nothing is forgotten yet"
    markets.take(rows(1, 2, 4, 6))
    assert [markets.can_tell(row(number)[0]) for number in (1, 2, 3)] == [False, False, True]
    assert ids(markets.mend(rows(4, 5))) == [5]
    assert markets.mark(A) == Mark(6_000, "6")
    assert ids(markets.take(rows(5))) == []


def test_what_is_held_is_known_when_the_history_has_told_it_however_much_it_is(monkeypatch) -> None:
    monkeypatch.setattr(known_trades, "IDS_MIN", 3)
    monkeypatch.setattr(known_trades, "IDS_MAX", 3)
    markets = Markets()
    markets.take(rows(1))
    markets.hold(A)
    markets.take(rows(*range(5000, 5030)))
    assert len(markets.add(rows(*range(2, 5030)))) == 5028
    assert markets.release(A, at_any_rate=False) == ([], [])
    assert ids(markets.take(rows(5030, 5029))) == [5030]
    assert markets.can_tell(row(5029)[0])
    assert not markets.can_tell(row(5020)[0]), "what isn't held any more is forgotten"
