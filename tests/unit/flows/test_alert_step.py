"""When rules come in and go, what is written in which order, and what a start finds again."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from connectors.kafka.compacted import Entry
from core.bars.rules import Rules
from flows.alert_metrics import AlertMetrics
from flows.alert_step import AlertStep
from flows.metrics import FlowMetrics
from flows.rule_store import RuleStore
from oracle.truth import OracleTrade
from schemas.alert_rules import AlertRule, ArmedRule
from schemas.errors import StateIncompatible
from sinks.alerts import AlertUpdate
from tests.property.trade_batches import MONDAY_US, to_batch
from tests.unit.flows.rule_topics import FakeTopic, entry, rule


class Flow:
    """One partition: its step, the topics of rules, and the armed log as the sink would leave it."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules = list(map(entry, rules))
        self.armed: dict[str, bytes] = {}
        self.end = 0
        self.now_s = 0.0
        self.start(None)

    def start(self, state: bytes | None) -> None:
        """A process of its own: everything but the state and the topics is new."""
        registry = CollectorRegistry()
        self.topic = FakeTopic(*self.rules)
        metrics = AlertMetrics(registry)
        self.store = RuleStore(
            lambda: self.topic,  # type: ignore[arg-type,return-value]
            metrics,
            keeps_views=False,
            clock=lambda: self.now_s,
        )
        self.step = AlertStep(
            Rules(), 10_000, FlowMetrics("alerts", registry), state, store=self.store, alert_metrics=metrics,
            armed_log=lambda _: FakeTopic(*(Entry(0, key.encode(), text) for key, text in self.armed.items())),
            end_of=lambda _: self.end, clock=lambda: datetime.fromtimestamp(self.now_s, UTC),
        )  # fmt: skip

    def change(self, *changed: AlertRule | str) -> None:
        """Write rules, or take them back by their ids."""
        entries = [Entry(0, each.encode(), None) if isinstance(each, str) else entry(each) for each in changed]
        self.rules += entries
        self.topic.waiting += entries

    def trade(self, first: int, *prices: str, symbol: str = "A", caught_up: bool = True) -> list[AlertUpdate]:
        trades = [
            OracleTrade(3, first + place, 0, MONDAY_US + first + place, symbol, Decimal(price), Decimal(1))
            for place, price in enumerate(prices)
        ]
        batch = to_batch(trades)
        batch.caught_up = caught_up
        self.now_s += 1
        return self.taken(self.step.on_batch([batch])[0])

    def taken(self, updates: object) -> list[AlertUpdate]:
        """The updates, whose armings are in the armed log afterwards; moves are noted by ``keep``."""
        found = list(updates)  # type: ignore[call-overload]
        for update in found:
            for rule_id in update.gone:
                self.armed.pop(rule_id, None)
            self.keep(update.armed)
        return found

    def keep(self, records: list[ArmedRule]) -> None:
        for record in records:
            self.armed[said(record).id] = msgspec.json.encode(record)


def said(record: ArmedRule) -> AlertRule:
    return msgspec.json.decode(record.rule, type=AlertRule)


def fired(updates: list[AlertUpdate]) -> list[str]:
    return [firing.id for update in updates for firing in update.fired]


def test_a_rule_counts_from_the_end_of_the_batch_after_which_it_came() -> None:
    flow = Flow(rule("a"))
    (armed,) = flow.trade(0, "11", "12")
    assert [(said(each).id, each.armed_at, each.state) for each in armed.armed] == [("a", 1, "armed")]
    (update,) = flow.trade(2, "9", "13")
    assert [(each.id, each.price, each.place, each.partition) for each in update.fired] == [("a:3", 13 * 10**10, 0, 3)]
    assert [(each.at, each.state) for each in update.moved] == [(3, "fired")]


def test_trades_of_before_fire_nothing_new() -> None:
    flow = Flow(rule("a"))
    flow.end = 4
    assert flow.trade(0, "11", "12", caught_up=False) == []
    assert flow.step.wake_at() is None
    (armed,) = flow.trade(2, "13", "14", caught_up=False)
    assert [each.armed_at for each in armed.armed] == [3]


def test_rules_that_come_go_and_change_do_so_without_trades_too() -> None:
    flow = Flow(rule("a"), rule("b"))
    flow.trade(0, "1")
    assert flow.step.wake_at() == datetime.fromtimestamp(flow.now_s + 0.1, UTC)
    flow.change("a", rule("b", threshold="20", version=2), rule("c", "nobody's"))
    flow.now_s += 1
    (update,) = flow.taken(flow.step.on_notify()[0])
    assert (list(update.gone), [said(each).version for each in update.armed], update.replaces) == (["a"], [2], True)
    assert flow.step.on_notify()[0] == []
    assert fired(flow.trade(1, "12", "20")) == ["b:2"]
    (armed,) = flow.trade(3, "30", symbol="nobody's")
    assert ([said(each).id for each in armed.armed], armed.replaces) == (["c"], False)


def test_a_crash_fires_again_what_it_fired_and_nothing_else() -> None:
    flow = Flow(rule("a", condition="crosses_above", repeat="every", rearm="2"))
    flow.trade(0, "9")
    state = flow.step.snapshot()
    first = fired(flow.trade(1, "10", "11", "8", "10"))
    flow.change(rule("b"))
    flow.trade(5, "12")
    flow.start(state)
    flow.end = 6
    again = flow.trade(1, "10", "11", "8", "10", caught_up=False)
    assert fired(again) == first == ["a:1", "a:4"]
    assert fired(flow.trade(5, "12")) == []
    assert fired(flow.trade(6, "12")) == ["b:6"]


def test_what_the_armed_log_knows_of_later_trades_is_not_done_again() -> None:
    flow = Flow(rule("a"))
    flow.trade(0, "9")
    state = flow.step.snapshot()
    (update,) = flow.trade(1, "10")
    flow.keep(list(update.moved))
    flow.start(state)
    assert fired(flow.trade(1, "10", "10")) == []


def test_what_went_while_the_flow_was_down_goes_when_it_has_caught_up() -> None:
    flow = Flow(rule("a"), rule("b"))
    flow.trade(0, "9")
    state = flow.step.snapshot()
    flow.change("a", rule("b", threshold="50", version=2))
    flow.start(state)
    flow.end = 3
    assert fired(flow.trade(1, "10", caught_up=False)) == ["a:1", "b:1"]
    (update,) = flow.trade(2, "8", caught_up=False)
    assert (list(update.gone), [said(each).version for each in update.armed], update.replaces) == (["a"], [2], True)


def test_a_rule_whose_symbol_left_the_log_goes_when_it_is_taken_back() -> None:
    flow = Flow()
    gone = msgspec.Raw(msgspec.json.encode(rule("x", "old")))
    flow.keep([ArmedRule(gone, -5, -5, "armed")])
    (update,) = flow.trade(0, "9")
    assert list(update.gone) == ["x"]


def test_firings_of_one_trade_have_places() -> None:
    flow = Flow(rule("b"), rule("a"))
    flow.trade(0, "1")
    (update,) = flow.trade(1, "10")
    assert [(each.rule.id, each.place) for each in update.fired] == [("a", 0), ("b", 1)]


def test_a_percentage_waits_for_a_price_that_it_is_of() -> None:
    flow = Flow(rule("a", condition="rises_by"), rule("b", condition="falls_by"))
    week_us = 7 * 86_400_000_000
    flow.trade(0, "5", symbol="B")
    late = to_batch([OracleTrade(3, 1, 0, MONDAY_US - 2 * week_us, "A", Decimal(1), Decimal(1))])
    late.caught_up = True
    assert list(flow.step.on_batch([late])[0]) == []
    flow.change("b")
    flow.now_s += 1
    (update,) = flow.trade(2, "200")
    assert [(said(each).id, each.reference, each.armed_at) for each in update.armed] == [("a", "200", 2)]
    (update,) = flow.trade(3, "219", "220")
    assert [(each.id, each.threshold) for each in update.fired] == [("a:4", 220 * 10**10)]


def test_a_clock_tells_of_silence_where_nothing_comes_and_the_log_says_it_no_second_time() -> None:
    flow = Flow(rule("a", threshold="30", series="silence", repeat="every", rearm="30"))
    flow.now_s = MONDAY_US / 1_000_000
    flow.trade(0, "9")
    state = flow.step.snapshot()
    flow.now_s += 9
    assert list(flow.step.on_notify()[0]) == []
    flow.now_s += 30
    (update,) = flow.step.on_notify()[0]
    (firing,) = update.fired
    assert (firing.id, firing.basis, firing.sequence, firing.place) == ("a:0", "clock", 0, 1_000_000)
    assert (firing.event_time_us, firing.price) == (MONDAY_US + 30_000_000, 9 * 10**10)
    assert [(each.at, each.state) for each in update.moved] == [(0, "waiting")]
    assert list(flow.step.on_notify()[0]) == []
    flow.keep(list(update.moved))
    flow.start(state)
    minute = to_batch([OracleTrade(3, 1, 0, MONDAY_US + 60_000_000, "B", Decimal(1), Decimal(1))])
    assert fired(flow.taken(flow.step.on_batch([minute])[0])) == []
    later = to_batch(
        [OracleTrade(3, 2 + place, 0, MONDAY_US + (70 + 31 * place) * 1_000_000, "AB"[place], Decimal(1), Decimal(1))
         for place in range(2)]
    )  # fmt: skip
    (update,) = flow.taken(flow.step.on_batch([later])[0])
    assert [(each.id, each.basis) for each in update.fired] == [("a:2", "log")]


def test_state_of_another_kind_is_refused() -> None:
    flow = Flow()
    flow.trade(0, "1")
    other = msgspec.msgpack.encode([3, b"", b""])
    broken = msgspec.msgpack.encode([2, *msgspec.msgpack.decode(flow.step.snapshot())[1:2], b"\xc1"])
    for state, words in ((other, "version 3"), (b"\xc1", "can't be used"), (broken, "can't be used")):
        with pytest.raises(StateIncompatible, match=words):
            flow.start(state)
