"""What becomes of a rule at each trade, by hand; the law over any trades is tests/property/test_alert_laws.py."""

import numpy as np
import pytest

from core.alerts.terms import rule_rows
from core.alerts.watch_kernel import (
    ARMED,
    EXPIRED,
    FIRED,
    FIRING,
    FREE,
    MOVED,
    WAITING,
    Watch,
    new_ladders,
    place_rules,
    remove_rules,
    watch_trades,
)
from kernels.decimal_text import to_pair, units
from schemas.alert_rules import RuleTerms
from schemas.columns import APPLIED, LATE, TRADE


class Market:
    """One symbol, its rules, and trades of one price each, a second apart."""

    def __init__(self, *terms: RuleTerms, last: str = "") -> None:
        rules = rule_rows(terms, [""] * len(terms))
        self.watch = Watch(rules, new_ladders(1), np.zeros(len(rules), np.int32), np.zeros(1, np.int64))
        self.offset = 0
        if last:
            self.trade(last)
        place_rules(self.watch, np.arange(len(rules), dtype=np.int32))

    def trade(self, *prices: str, outcome: int = APPLIED, room: int = 10) -> list[tuple[int, int]]:
        """(offset, rule) of what fired."""
        rows = np.zeros(len(prices), TRADE)
        for row, price in zip(rows, prices, strict=True):
            row["price_hi"], row["price_lo"] = to_pair(units(price))
            row["offset"], row["event_time_us"], row["outcome"] = self.offset, self.offset * 1_000_000, outcome
            self.offset += 1
        found, done, fired = [], 0, np.zeros(room, FIRING)
        while done < len(rows):
            done, count = watch_trades(rows, np.zeros(len(rows), np.int32), done, 100, self.watch, fired, 0)
            found += [(int(each["sequence"]) - 100, int(each["slot"])) for each in fired[:count]]
        return found

    def states(self) -> list[int]:
        return self.watch.rules["state"].tolist()


def rule(condition: str, threshold: str, **more: object) -> RuleTerms:
    return RuleTerms("a", "A", condition, threshold, **more)  # type: ignore[arg-type]


def test_touching_the_threshold_from_below_is_a_crossing() -> None:
    market = Market(rule("crosses_above", "10"))
    assert market.trade("10", "11") == []  # nothing was below yet
    assert market.trade("9.9999999999") == []
    assert market.trade("10", "9", "11") == [(3, 0)]
    assert market.states() == [FIRED]


def test_below_mirrors_above() -> None:
    market = Market(rule("crosses_below", "10"), rule("below", "5"))
    assert market.trade("10", "9", "10.1", "10", "4") == [(3, 0), (4, 1)]


def test_a_level_fires_at_the_first_trade_and_a_crossing_looks_at_the_trade_before_it_was_armed() -> None:
    market = Market(rule("above", "10"), rule("crosses_above", "10"), rule("crosses_below", "10"), last="9")
    assert market.states() == [ARMED, ARMED, WAITING]
    assert sorted(market.trade("12")) == [(1, 0), (1, 1)]
    above = Market(rule("crosses_below", "10"), last="11")
    assert above.states() == [ARMED]


def test_every_needs_the_way_back() -> None:
    market = Market(rule("crosses_above", "10", repeat="every", rearm="2"), last="1")
    assert market.trade("10", "9", "10", "8.5", "11", "8", "10") == [(1, 0), (7, 0)]


def test_a_cooldown_passes_over_what_would_fire() -> None:
    market = Market(rule("crosses_above", "10", repeat="every", cooldown_ms=4000), last="1")
    assert market.trade("10", "9", "10", "9", "10") == [(1, 0), (5, 0)]
    assert market.trade("9", "10", "12", "12", "9", "12") == [(11, 0)]


def test_an_expired_rule_is_over() -> None:
    market = Market(rule("crosses_above", "10", expires_at_ms=2000), rule("crosses_above", "8", expires_at_ms=3000))
    assert market.trade("9", "9", "9", "11") == []
    assert market.states() == [EXPIRED, WAITING]
    assert market.trade("1") == []
    assert market.states() == [EXPIRED, EXPIRED]


def test_what_was_not_applied_fires_nothing_and_is_no_trade_before() -> None:
    market = Market(rule("crosses_above", "10"), last="11")
    assert market.trade("9", outcome=LATE) == []
    assert market.trade("12") == []
    assert market.states() == [WAITING]


def test_more_firings_than_there_is_room_for_go_on_where_they_were() -> None:
    market = Market(*(rule("crosses_above", str(2 + number)) for number in range(5)), last="1")
    assert [slot for _, slot in market.trade("9", room=2)] == [0, 1, 2, 3, 4]


def test_each_move_is_noted_once() -> None:
    market = Market(rule("crosses_above", "10", repeat="every"), rule("above", "99"))
    market.trade("9", "10", "9", "10")
    assert market.watch.registers[MOVED] == 1
    assert market.watch.moved[:1].tolist() == [0]
    assert market.watch.rules["at"][0] == 103


@pytest.mark.parametrize("waiting", [True, False])
def test_a_removed_rule_stays_silent(waiting: bool) -> None:
    terms = [rule("crosses_above", "10"), rule("crosses_below", "10"), rule("above", "3"), rule("below", "3")]
    market = Market(*terms, last="" if waiting else "10")
    remove_rules(market.watch, np.array([0, 1], np.int32))
    assert market.states()[:2] == [FREE, FREE]
    assert market.trade("9", "10", "11", "9", "2") == [(market.offset - 5, 2), (market.offset - 1, 3)]
    remove_rules(market.watch, np.array([2, 3], np.int32))
    assert market.states() == [FREE] * 4


def test_a_rule_that_is_over_stands_nowhere() -> None:
    market = Market(rule("above", "10"))
    market.trade("11")
    place_rules(market.watch, np.zeros(1, np.int32))
    assert market.trade("9", "11") == []
