"""Alerts about trades by hand: each kind, its end, silence by the clock and by the log, what is kept."""

from decimal import Decimal

import pytest

from core.analytics.feed import FeedDesk, restore_feed, snapshot_feed
from core.analytics.rules import FeedRules
from core.analytics.window_state import pack_state
from oracle.truth import OracleTrade
from schemas.desk import TRADE_ALERTS
from schemas.errors import StateIncompatible
from tests.property.trade_batches import MONDAY_US, to_batch
from tests.unit.core.bars.test_shard import at

SECOND = 1_000_000
RULES = FeedRules(frozenset(TRADE_ALERTS), 100 * SECOND, 10 * SECOND, 3, 2)
Told = list[tuple[str, str, int, str]]


def told(desk: FeedDesk, *trades: OracleTrade) -> Told:
    return [
        (each.id, each.state, (each.time_us - MONDAY_US) // SECOND, each.basis)
        for each in desk.apply(to_batch(trades)).alerts
    ]


def test_a_gap_of_ids_has_one_alert_until_it_was_quiet() -> None:
    desk = FeedDesk(RULES)
    ids = (5, 6, 9, 9, 20, 21, 22)
    trades = [at(offset, 4 * offset, trade_id=str(number)) for offset, number in enumerate(ids)]
    assert told(desk, *trades) == [("trades:gaps:3-2:A", "open", 8, "log")]
    assert told(desk, at(7, 26, trade_id="3")) == [("trades:gaps:3-2:A", "resolved", 26, "log")]
    assert told(FeedDesk(RULES), at(0, 0, trade_id="x"), at(1, 0, trade_id="1"), at(2, 0, trade_id="9" * 30)) == []
    elsewhere = at(1, 0, trade_id="7")._replace(exchange="X")
    assert told(FeedDesk(RULES), at(0, 0, trade_id="1"), elsewhere, at(2, 0, trade_id="2")) == []


def test_words_and_places() -> None:
    batch = to_batch([at(0, 0)._replace(bid=Decimal(2), ask=Decimal(1)), at(0, 0)._replace(bid=Decimal(1))])
    batch.rows["index"][0] = 4
    [alert] = FeedDesk(RULES).apply(batch).alerts
    assert (alert.id, alert.severity, alert.category) == ("trades:crossed:3-0.4:A", "warning", "trades")
    assert (alert.title, alert.symbols) == ("Quotes of A are crossed", ("A",))


def test_a_price_that_jumps() -> None:
    desk = FeedDesk(RULES)
    assert told(desk, at(0, 0, "100"), at(1, 0, "101"), at(2, 0, "100"), at(3, 0, "104")) == [
        ("trades:jumps:3-3:A", "open", 0, "log")
    ]
    assert told(desk, at(4, 10, "104")) == [("trades:jumps:3-3:A", "resolved", 10, "log")]
    assert told(FeedDesk(RULES), at(0, 0, "100"), at(1, 0, "101"), at(2, 0, "150")) == []


def test_silence_by_the_log_and_by_the_clock() -> None:
    desk = FeedDesk(RULES)
    assert desk.next_end_us() is None
    assert told(desk, at(0, 0), at(1, 100, symbol="B"), at(2, 101)) == [
        ("trades:stale:3-0", "open", 100, "log"), ("trades:stale:3-0", "resolved", 100, "log"),
    ]  # fmt: skip
    assert desk.next_end_us() == MONDAY_US + 201 * SECOND
    assert desk.announce(MONDAY_US + 201 * SECOND - 1).alerts == []
    [alert] = desk.announce(MONDAY_US + 201 * SECOND).alerts
    assert (alert.id, alert.basis, alert.title, alert.symbols) == (
        "trades:stale:3-2", "clock", "The feed of trades is stale", (),
    )  # fmt: skip
    assert desk.next_end_us() is None
    assert desk.announce(MONDAY_US + 999 * SECOND).alerts == []
    assert told(desk, at(3, 150)) == [("trades:stale:3-2", "resolved", 150, "log")]
    assert told(desk, at(4, 251)) == [
        ("trades:stale:3-3", "open", 250, "log"), ("trades:stale:3-3", "resolved", 251, "log"),
    ]  # fmt: skip


def test_only_kinds_that_are_wanted() -> None:
    crossed = at(0, 0)._replace(bid=Decimal(2), ask=Decimal(1))
    trades = (crossed, at(1, 500, "90", trade_id="1"), at(2, 501, trade_id="7"))
    assert [each[0] for each in told(FeedDesk(RULES._replace(kinds=frozenset({"gaps"}))), *trades)] == [
        "trades:gaps:3-2:A"
    ]
    silent = FeedDesk(RULES._replace(kinds=frozenset({"stale"})))
    assert [each[1] for each in told(silent, *trades)] == ["open", "resolved"]
    assert len(silent.symbols) == 0
    nothing = FeedDesk(RULES._replace(kinds=frozenset()))
    assert told(nothing, *trades) == told(nothing) == []
    assert nothing.next_offset == 0


def test_a_desk_that_was_kept_goes_on_with_many_symbols() -> None:
    names = [f"S{number}" for number in range(700)]
    first = [at(offset, 0, symbol=name, trade_id="1") for offset, name in enumerate(names)]
    desk = FeedDesk(RULES)
    told(desk, *first[:3], first[3]._replace(bid=Decimal(2), ask=Decimal(1)))
    told(desk, *first[4:])
    again = restore_feed(snapshot_feed(desk), RULES)
    assert snapshot_feed(again) == snapshot_feed(desk)
    rest = [at(1000 + offset, 20, symbol=name, trade_id="3") for offset, name in enumerate(names)]
    found = told(again, *rest)
    assert found == told(desk, *rest)
    assert ("trades:crossed:3-3:S3", "resolved", 20, "log") in found
    assert len(found) == 701


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(StateIncompatible, match="version 2"):
        restore_feed(pack_state("feed", 2), RULES)
