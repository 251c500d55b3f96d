"""The kernel of faults at its edges; tests/property/test_trade_alerts_law.py holds it against the oracle."""

import numpy as np

from core.analytics.feed_kernel import CROSSED, EVENT, FEED, GAP, KINDS, find_faults
from oracle.truth import OracleTrade
from schemas.columns import NO_ID
from tests.property.trade_batches import to_batch
from tests.unit.core.bars.test_shard import at

SECOND = 1_000_000


def faults(
    *trades: OracleTrade, wanted: tuple[int, ...] = (1, 1, 1), venues: tuple[int, ...] = ()
) -> list[tuple[int, int, int]]:
    """Row, kind, and whether it begins; a fault is over after ten seconds."""
    feeds, events = np.zeros(1, FEED), np.empty(KINDS * len(trades), EVENT)
    feeds["highest_id"], feeds["exchange"] = NO_ID, -1
    numbers = np.zeros(len(trades), np.int32)
    exchanges = np.array(venues, np.int32) if venues else numbers
    rows, kinds = to_batch(trades).rows, np.array(wanted, np.uint8)
    count = find_faults(rows, numbers, exchanges, feeds, kinds, 10 * SECOND, 3.0, 2, events)
    return [(int(each["row"]), int(each["kind"]), int(each["opens"])) for each in events[:count]]


def test_a_fault_is_over_when_it_was_not_met_for_the_bound() -> None:
    trades = [at(0, 0, trade_id="1"), at(1, 0, trade_id="3"), at(2, 9, trade_id="4"), at(3, 10, trade_id="5")]
    assert faults(*trades) == [(1, GAP, 1), (3, GAP, 0)]
    assert faults(*trades[:3]) == [(1, GAP, 1)]


def test_an_older_trade_with_a_fault_does_not_set_its_time_back() -> None:
    trades = [at(0, 0, trade_id="1"), at(1, 9, trade_id="3"), at(2, 0, trade_id="5"), at(3, 18, trade_id="6")]
    assert faults(*trades) == [(1, GAP, 1)]


def test_quotes_that_touch_are_not_crossed() -> None:
    trade = at(0, 0)
    assert faults(trade._replace(bid=trade.price, ask=trade.price)) == []
    assert faults(trade._replace(bid=trade.price, ask=trade.price - 1)) == [(0, CROSSED, 1)]
    assert faults(trade._replace(bid=trade.price)) == []
    assert faults(trade._replace(bid=trade.price, ask=trade.price - 1), wanted=(1, 0, 1)) == []


def test_ids_of_another_exchange_say_nothing() -> None:
    trades = [at(0, 0, trade_id="1"), at(1, 0, trade_id="7"), at(2, 0, trade_id="2")]
    assert faults(*trades, venues=(4, 5, 4)) == []
    assert faults(*trades, venues=(4, 4, 4)) == [(1, GAP, 1)]


def test_nothing_is_found_in_nothing() -> None:
    assert faults() == []
