"""What a venue tells again is left out; what only looks alike isn't."""

from feeds.frame import EMPTY
from feeds.rows import Trade
from jobs.ingest.known_trades import IDS_MAX, IDS_MIN, KEPT_US, KnownTrades


def trade(trade_id: str, event_time: int | str, symbol: str = "A/B", *, is_past: bool = False) -> Trade:
    return Trade(symbol, "AB", EMPTY, EMPTY, "BUY", trade_id, event_time, is_past)


def ids(trades: list[Trade]) -> list[str]:
    return [each.trade_id for each in trades]


def test_an_id_counts_once_for_its_market() -> None:
    known = KnownTrades()
    assert ids(known.fresh([trade("1", 5), trade("2", 5), trade("1", 5)])) == ["1", "2"]
    assert ids(known.fresh([trade("2", 6, is_past=True), trade("3", 4), trade("1", 5, "other")])) == ["3", "1"]
    assert known.repeated == 2


def test_the_oldest_ids_are_forgotten() -> None:
    known = KnownTrades()
    known.fresh(trade(str(number), number) for number in range(IDS_MAX))
    assert known.since("A/B") == 0
    known.fresh([trade("one more", IDS_MAX)])
    assert known.since("A/B") == 1
    assert ids(known.fresh([trade("0", 0), trade("2", 2)])) == ["0"]


def test_old_ids_of_a_quiet_market_are_forgotten_up_to_those_that_are_told_again() -> None:
    known = KnownTrades()
    step_us = KEPT_US // (2 * IDS_MIN)
    times = [number * step_us for number in range(4 * IDS_MIN)]
    known.fresh(trade(str(time_us), time_us) for time_us in times)
    assert known.since("A/B") == times[-1] - KEPT_US
    known.fresh([trade("a day later", 86_400_000_000)])
    assert known.since("A/B") == times[-IDS_MIN + 1]


def test_what_a_filling_will_tell_is_not_forgotten() -> None:
    known = KnownTrades()
    known.keep_from("A/B", 0)
    known.fresh(trade(str(number), number) for number in range(IDS_MAX + 5))
    assert known.since("A/B") == 0
    known.keep_from("A/B", None)
    known.fresh([trade("behind it", KEPT_US)])
    assert known.since("A/B") == 6


def test_without_ids_a_past_that_is_not_newer_is_known() -> None:
    known = KnownTrades()
    assert len(known.fresh([trade("", 5, is_past=True), trade("", 6, is_past=True)])) == 2
    assert len(known.fresh([trade("", 6), trade("", 6)])) == 2, "two real trades may be alike"
    assert [each.event_time for each in known.fresh([trade("", 6, is_past=True), trade("", 7, is_past=True)])] == [7]
    assert known.repeated == 1
