"""Laws of users' rules: whatever the batches, crashes and order of rules, what fires is what the oracle says."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alerts.rule_book import RuleBook
from kernels.decimal_text import from_pair, to_pair, units
from oracle.alert_series import OracleTick
from oracle.alerts import OracleFiring, OracleRule, expected_firings
from schemas.alert_rules import RELATIVE, AlertRule, ArmedRule
from schemas.alert_series import SERIES
from schemas.columns import APPLIED, LATE, TRADE
from tests.property.trade_batches import examples

SYMBOLS = ("A", "B")
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
OUT_OF_ORDER_US = 5 * SECOND_US
BASE = 7 << 44
# Prices crowd around a few thresholds, at both ends of their range too.
small = st.integers(9_990, 10_010).map(lambda units: Decimal(units) / 100)
prices = st.one_of(
    small, small, st.sampled_from([Decimal("0.0000000001"), Decimal(10**18 - 1), Decimal("1844674407.3709551616")])
)


# Mostly within a few slices of the short windows, at times beyond whole days and years.
steps = st.one_of(
    st.sampled_from([0, 1, SECOND_US, -SECOND_US, 60 * SECOND_US]),
    st.integers(-8 * SECOND_US, 40 * SECOND_US),
    st.sampled_from([4 * 60 * SECOND_US, 3600 * SECOND_US, DAY_US // 2, DAY_US, 27 * DAY_US, 365 * DAY_US]),
)


class Tick(NamedTuple):
    symbol: int
    price: Decimal
    step_us: int
    outcome: int
    size: Decimal


ticks_drawn = st.lists(
    st.builds(
        Tick,
        st.integers(0, len(SYMBOLS) - 1),
        prices,
        steps,
        st.sampled_from([APPLIED, APPLIED, APPLIED, LATE]),
        st.sampled_from([Decimal(1), Decimal(0), Decimal("0.3"), Decimal(7), Decimal(10**17)]),
    ),
    min_size=1,
    max_size=60,
)


class Drawn(NamedTuple):
    """A rule and the position in the ticks at which it comes in."""

    rule: AlertRule
    position: int


percentages = st.sampled_from(["0.01", "0.05", "0.0000000001", "1", "99.9999999999"])
THRESHOLDS = {
    "vwap": ["0", "0.01", "0.0000000001", "3"],
    "rise": ["0.01", "0.05", "0.1", "1000"],
    "fall": ["0.01", "0.05", "0.1", "99"],
    "high": ["0", "0.01", "0.05"],
    "low": ["0", "0.01", "0.05"],
    "volume": ["1", "2.5", "0.0000000001", "11"],
    "trades": ["1", "2.5", "5.5", "11"],
    "silence": ["1", "2", "5.5", "60"],
}
"""Of series whose values don't lie where prices do."""


@st.composite
def rules_drawn(draw: st.DrawFn, ticks: Sequence[Tick], start_us: int, latest: int) -> list[Drawn]:
    """Rules that come in before the tick at ``latest`` or there; a percentage needs a price before it."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        position = draw(st.integers(0, latest))
        priced = sorted({tick.symbol for tick in ticks[:position] if tick.outcome == APPLIED})
        series = draw(st.sampled_from(["price", *SERIES]))
        words = SERIES[series]
        condition = draw(st.sampled_from([each for each in words.conditions if priced or each not in RELATIVE]))
        bounds = percentages if condition in RELATIVE else prices.map("{:f}".format)
        rule = AlertRule(
            id=f"r{number}",
            user="u",
            symbol=SYMBOLS[draw(st.sampled_from(priced))] if condition in RELATIVE else draw(st.sampled_from(SYMBOLS)),
            condition=condition,
            threshold=draw(st.sampled_from(THRESHOLDS[series]) if series in THRESHOLDS else bounds),
            series=series,
            window=draw(st.sampled_from(words.windows)),
            repeat=draw(st.sampled_from(["once", "every"])),
            rearm=draw(st.sampled_from(["0", "0.02", "0.1", "5"])),
            cooldown_ms=draw(st.sampled_from([0, 0, 1, 1000, 61_000])),
            expires_at_ms=draw(st.sampled_from([0, 0, start_us // 1000 + 2_000])),
        )
        found.append(Drawn(rule, position))
    return found


def rows_of(ticks: Sequence[Tick], start_us: int) -> np.ndarray:
    rows = np.zeros(len(ticks), TRADE)
    time_us = start_us
    for index, tick in enumerate(ticks):
        time_us = max(0, time_us + tick.step_us)
        rows[index]["offset"] = 2 * index
        rows[index]["event_time_us"] = time_us
        rows[index]["price_hi"], rows[index]["price_lo"] = to_pair(units(tick.price))
        rows[index]["size_hi"], rows[index]["size_lo"] = to_pair(units(tick.size))
        rows[index]["outcome"] = tick.outcome
    return rows


def fired(book: RuleBook, rows: np.ndarray, symbols: np.ndarray) -> list[OracleFiring]:
    firings = book.apply(rows, symbols, BASE)
    found = []
    for row, rule_id, text in zip(firings.rows, firings.ids, firings.rules, strict=True):
        assert msgspec.json.decode(text, type=AlertRule).id == rule_id
        price, value = (
            Decimal(from_pair(row[f"{name}_hi"], row[f"{name}_lo"])) / 10**10 for name in ("price", "value")
        )
        sequence, named, time_us = (int(row[name]) for name in ("sequence", "named", "event_time_us"))
        found.append(OracleFiring(sequence, rule_id, price, time_us, value, named))
    return found


def sequence_before(position: int) -> int:
    """Of the record before the tick at ``position``."""
    return BASE + 2 * position - 1


def truth(drawn: Sequence[Drawn], ticks: Sequence[Tick], rows: np.ndarray) -> list[OracleFiring]:
    rules = [
        OracleRule(
            rule.id, rule.symbol, rule.condition, Decimal(rule.threshold), sequence_before(position),
            rule.repeat, Decimal(rule.rearm), rule.cooldown_ms, rule.expires_at_ms,
            series=rule.series, window=rule.window,
        )
        for rule, position in drawn
    ]  # fmt: skip
    applied = [
        OracleTick(BASE + int(row["offset"]), int(row["event_time_us"]), SYMBOLS[tick.symbol], tick.price, tick.size)
        for tick, row in zip(ticks, rows, strict=True)
        if tick.outcome == APPLIED
    ]
    return expected_firings(rules, applied, OUT_OF_ORDER_US)


def new_book(state: bytes | None = None) -> RuleBook:
    book = RuleBook(OUT_OF_ORDER_US, state)
    book.add_symbols(SYMBOLS)
    return book


class Log:
    """The armed log, compacted."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}

    def take(self, records: Sequence[ArmedRule]) -> None:
        for record in records:
            self.records[msgspec.json.decode(record.rule, type=AlertRule).id] = msgspec.json.encode(record)

    def read(self) -> list[ArmedRule]:
        return [msgspec.json.decode(record, type=ArmedRule) for record in self.records.values()]


@settings(max_examples=examples(400), deadline=None)
@given(ticks=ticks_drawn, data=st.data())
def test_any_cut_of_batches_and_any_order_of_rules_fires_what_the_oracle_says(
    ticks: list[Tick], data: st.DataObject
) -> None:
    start_us = 5 * SECOND_US
    rows, symbols = rows_of(ticks, start_us), np.array([tick.symbol for tick in ticks], np.int32)
    drawn = data.draw(rules_drawn(ticks, start_us, len(ticks)))
    cuts = sorted({0, len(ticks), *(each.position for each in drawn), *data.draw(st.sets(st.integers(0, len(ticks))))})
    book, found = new_book(), []
    for first, last in zip(cuts, [*cuts[1:], len(ticks)], strict=True):
        new = [each.rule for each in drawn if each.position == first]
        random.Random(first).shuffle(new)
        book.arm([msgspec.json.encode(rule) for rule in new], sequence_before(first))
        found += fired(book, rows[first:last], symbols[first:last])
    assert found == truth(drawn, ticks, rows)


@settings(max_examples=examples(400), deadline=None)
@given(ticks=ticks_drawn, data=st.data())
def test_a_crash_anywhere_fires_each_once(ticks: list[Tick], data: st.DataObject) -> None:
    """An execution reads on to ``reached`` and dies; the state kept is that of ``kept``, before it. What the armed log
    got meanwhile: every arming, and the moves of some epochs whose firings were written."""
    start_us = 5 * SECOND_US
    rows, symbols = rows_of(ticks, start_us), np.array([tick.symbol for tick in ticks], np.int32)
    drawn = data.draw(rules_drawn(ticks, start_us, len(ticks)))
    written: dict[tuple[int, str], OracleFiring] = {}
    log, state, kept, armed = Log(), None, 0, set()
    crashes = data.draw(st.lists(st.integers(0, len(ticks)), max_size=4))
    for number, crash in enumerate([*crashes, len(ticks)]):
        book = new_book(state)
        book.restore(log.read(), sequence_before(kept))
        is_last, reached = number == len(crashes), max(kept, crash)
        position, snapshots = kept, [(kept, book.state())]
        while True:
            new = [each for each in drawn if each.position == position and each.rule.id not in armed]
            armed |= {each.rule.id for each in new}
            log.take(book.arm([msgspec.json.encode(each.rule) for each in new], sequence_before(position)))
            if position >= reached:
                break
            until = min([each.position for each in drawn if each.position > position] + [reached])
            end = data.draw(st.integers(position + 1, until))
            firings = fired(book, rows[position:end], symbols[position:end])
            for firing in firings:
                assert written.setdefault((firing.sequence, firing.id), firing) == firing
            position = end
            if is_last or data.draw(st.booleans()):  # an epoch ends: the firings are in the stores, then the moves
                log.take(book.take_moved())
                snapshots.append((position, book.state()))
        # The newest epoch may not have become durable.
        kept, state = snapshots[-1 if len(snapshots) == 1 else data.draw(st.sampled_from([-2, -1]))]
    assert sorted(written.values()) == truth(drawn, ticks, rows)


@settings(max_examples=examples(100), deadline=None)
@given(ticks=ticks_drawn, data=st.data())
def test_rules_that_go_leave_the_others_as_they_are(ticks: list[Tick], data: st.DataObject) -> None:
    start_us = 5 * SECOND_US
    rows, symbols = rows_of(ticks, start_us), np.array([tick.symbol for tick in ticks], np.int32)
    drawn = data.draw(rules_drawn(ticks, start_us, 0))
    gone = data.draw(st.sets(st.sampled_from([each.rule.id for each in drawn])))
    middle = data.draw(st.integers(0, len(ticks)))
    book = new_book()
    book.arm([msgspec.json.encode(each.rule) for each in drawn], sequence_before(0))
    found = fired(book, rows[:middle], symbols[:middle])
    book.remove(gone)
    assert len(book) == len(drawn) - len(gone)
    found += fired(book, rows[middle:], symbols[middle:])
    moved = {msgspec.json.decode(each.rule, type=AlertRule).id for each in book.take_moved()}
    assert not moved & gone
    expected = truth(drawn, ticks, rows)
    assert found == [each for each in expected if each.id not in gone or each.sequence <= sequence_before(middle)]
