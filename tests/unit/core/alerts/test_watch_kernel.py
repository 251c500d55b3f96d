"""What becomes of a rule at each trade, by hand; the law over any trades is tests/property/test_alert_laws.py."""

import numpy as np
import pytest

from core.alerts.series_kernel import CLOSE, PRICE, SERIES_CODES, SILENCE
from core.alerts.spans import new_spans
from core.alerts.terms import rule_rows
from core.alerts.watch_kernel import (
    ARMED,
    CLOSERS,
    COUNT,
    EXPIRED,
    FIRED,
    FIRING,
    FREE,
    LADDER,
    MOVED,
    NEWEST,
    SILENT,
    WAITING,
    Watch,
    new_registers,
    new_sides,
    place_rules,
    remove_rules,
    tell_silence,
    watch_trades,
)
from kernels.decimal_text import from_pair, to_pair, units
from schemas.alert_rules import RuleTerms
from schemas.columns import APPLIED, LATE, TRADE

LATENESS_US = 5_000_000


class Market:
    """Symbol 0 with its rules, which are all on one series; 1 beside it. Trades of one price each, a second apart."""

    def __init__(self, *terms: RuleTerms, last: str = "", series: str = "price", window: int = 0) -> None:
        rules = rule_rows(terms, [""] * len(terms))
        ladders, spans = np.zeros(1, LADDER), new_spans(2)
        ladders["series"], ladders["window"] = SERIES_CODES[series], window
        ladders["next"] = ladders["next_timed"] = -1
        spans.heads["ladder"][0] = 0
        registers = new_registers(LATENESS_US)
        if series in ("close", "silence"):
            registers[CLOSERS if series == "close" else SILENT] = 0
        self.watch = Watch(rules, ladders, new_sides(1), spans, np.zeros(len(rules), np.int32), registers)
        self.offset = 0
        if last:
            self.trade(last)
        place_rules(self.watch, np.arange(len(rules), dtype=np.int32))

    def trade(
        self, *prices: str, outcome: int = APPLIED, room: int = 10, symbol: int = 0, at_s: int = -1
    ) -> list[tuple[int, int]]:
        """(offset, rule) of what fired."""
        rows = np.zeros(len(prices), TRADE)
        for row, price in zip(rows, prices, strict=True):
            row["price_hi"], row["price_lo"] = to_pair(units(price))
            time_s = self.offset if at_s < 0 else at_s
            row["offset"], row["event_time_us"], row["outcome"] = self.offset, time_s * 1_000_000, outcome
            self.offset += 1
        self.fired, done, fired = [], 0, np.zeros(room, FIRING)
        symbols = np.full(len(rows), symbol, np.int32)
        while done < len(rows):
            done = watch_trades(rows, symbols, done, 100, self.watch, fired)
            self._take(fired)
        return [(int(each["sequence"]) - 100, int(each["slot"])) for each in self.fired]

    def clock(self, now_s: int, room: int = 10) -> list[int]:
        """Rules that fired."""
        self.fired, fired, row = [], np.zeros(room, FIRING), np.zeros(1, TRADE)
        row["event_time_us"] = now_s * 1_000_000
        while not tell_silence(self.watch, now_s * 1_000_000, row, 99, fired):
            self._take(fired)
        self._take(fired)
        return [int(each["slot"]) for each in self.fired]

    def _take(self, fired: np.ndarray) -> None:
        self.fired += [each.copy() for each in fired[: self.watch.registers[COUNT]]]
        self.watch.registers[COUNT] = 0

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
    values = [from_pair(int(each["value_hi"]), int(each["value_lo"])) for each in market.fired]
    assert values == [units("10"), units("4")]


def test_a_rule_is_over_at_the_moment_of_its_end() -> None:
    market = Market(rule("above", "10", expires_at_ms=2000), rule("above", "10", expires_at_ms=2001))
    assert market.trade("11", at_s=2) == [(0, 1)]
    assert market.states() == [EXPIRED, FIRED]


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


def bar_rule(condition: str, threshold: str, **more: object) -> RuleTerms:
    return RuleTerms("a", "A", condition, threshold, series="close", window="1m", **more)  # type: ignore[arg-type]


def test_a_bar_closes_at_the_first_trade_behind_it() -> None:
    market = Market(bar_rule("above", "10"), series="close")
    assert market.trade("11", "12", at_s=3) == []
    assert market.trade("9", at_s=59) == []
    assert market.trade("15", at_s=61) == []
    assert market.trade("14", at_s=119) == []
    assert market.trade("1", at_s=121) == [(5, 0)]
    (firing,) = market.fired
    assert (int(firing["price_lo"]), int(firing["value_lo"])) == (14 * 10**10, 14 * 10**10)


def test_a_bar_closes_when_the_watermark_passes_its_end_and_once() -> None:
    market = Market(bar_rule("above", "10", repeat="every", rearm="5"), series="close")
    assert market.trade("11", at_s=3) == []
    assert market.trade("1", at_s=64, symbol=1) == []
    assert market.trade("1", at_s=65, symbol=1) == [(2, 0)]
    assert market.trade("12", at_s=66) == []
    assert market.trade("4", at_s=126) == []  # closes at 12, while it waits
    assert market.trade("4", at_s=200, symbol=1) == []
    assert market.watch.rules["state"][0] == ARMED
    assert market.trade("20", at_s=199) == []
    assert market.trade("20", at_s=239) == []
    assert market.trade("20", at_s=240) == [(8, 0)]


def test_silence_is_noticed_as_the_log_goes_on() -> None:
    silent = RuleTerms("a", "A", "above", "2.5", repeat="every", rearm="2.5", series="silence")
    market = Market(silent, series="silence")
    assert market.trade("7", at_s=1, symbol=1) == []
    assert market.trade("7", at_s=10) == []
    assert market.trade("7", at_s=12, symbol=1) == []
    assert market.trade("7", at_s=13, symbol=1) == [(3, 0)]
    (firing,) = market.fired
    assert (int(firing["named"]), int(firing["event_time_us"])) == (101, 12_500_000)
    assert (int(firing["price_lo"]), int(firing["value_lo"])) == (7 * 10**10, 3 * 10**10)
    assert market.trade("7", "7", at_s=19, symbol=1) == []
    assert market.trade("8", at_s=18) == []
    assert market.trade("8", at_s=21, symbol=1) == [(7, 0)]
    assert int(market.fired[0]["named"]) == 106
    assert market.trade("8", at_s=25) == []


def test_a_clock_tells_of_silence_where_nothing_comes() -> None:
    terms = [RuleTerms("a", "A", "above", "5", series="silence"), RuleTerms("b", "A", "above", "6", series="silence")]
    market = Market(*terms, series="silence")
    assert market.clock(100) == []
    market.trade("7", at_s=10)
    assert market.clock(9) == []
    assert market.clock(14) == []
    assert market.clock(17, room=1) == [0, 1]
    assert [int(each["named"]) for each in market.fired] == [100, 100]
    assert market.clock(18) == []


@pytest.mark.parametrize(("series", "symbol"), [("close", 1), ("silence", 1), ("price", 0), ("high", 0)])
def test_whatever_was_begun_goes_on_where_there_was_no_room(series: str, symbol: int) -> None:
    words = {"close": "1m", "high": "day"}.get(series, "")
    terms = [
        RuleTerms("a", "A", "above", str(2 + number), series=series, window=words)  # type: ignore[arg-type]
        for number in range(5)
    ]
    market = Market(*terms, series=series, window=6 if series == "high" else 0)
    market.trade("1" if series in ("price", "high") else "9", at_s=1)
    assert [slot for _, slot in market.trade("9", room=2, symbol=symbol, at_s=70)] == [0, 1, 2, 3, 4]
    assert market.watch.registers[NEWEST] == 70_000_000
    assert int(market.watch.spans.opens["count"][6]) == (1 if symbol else 2)


def test_codes_are_those_of_the_series() -> None:
    assert (PRICE, CLOSE, SILENCE) == (0, 1, 9)
