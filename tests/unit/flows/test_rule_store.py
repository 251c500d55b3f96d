"""Rules as their topic has them: who gets which, what changes, what is no rule."""

import msgspec
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from connectors.kafka.compacted import Entry
from flows.alert_metrics import AlertMetrics
from flows.rule_store import LOOK_S, RuleStore
from schemas.alert_rules import AlertRule
from schemas.rule_view import RuleView
from tests.unit.flows.rule_topics import FakeTopic, entry, rule


class Watched:
    """A store over a topic, whose clock jumps far enough at each look."""

    def __init__(self, *rules: AlertRule, keeps_views: bool = False) -> None:
        self.topic = FakeTopic(*map(entry, rules))
        self.registry = CollectorRegistry()
        self.now_s = 0.0
        self.store = RuleStore(
            lambda: self.topic,  # type: ignore[arg-type,return-value]
            AlertMetrics(self.registry),
            keeps_views=keeps_views,
            clock=lambda: self.now_s,
        )
        self.store.open()

    def change(self, *entries: Entry) -> None:
        self.topic.waiting += entries
        self.now_s += LOOK_S
        self.store.look()


def ids(texts: list[bytes]) -> list[str]:
    return sorted(msgspec.json.decode(text, type=AlertRule).id for text in texts)


def test_the_first_that_has_trades_of_a_symbol_gets_its_rules() -> None:
    store = Watched(rule("a"), rule("b", "B"), rule("c")).store
    assert ids(store.claim(["A", "nobody's"], 1)) == ["a", "c"]
    assert ids(store.claim(["A", "B"], 2)) == ["b"]
    assert [store.owner_of(each) for each in ("a", "b", "nobody")] == [1, 2, None]
    assert (len(store), "a" in store) == (3, True)
    assert ids(store.claim(["A"], 1, {"a": 1, "c": 0}.__getitem__)) == ["c"]


def test_changes_go_to_whom_the_symbol_belongs() -> None:
    watched = Watched(rule("a"), rule("b", "B"))
    store = watched.store
    store.claim(["A"], 1)
    watched.change(entry(rule("a", threshold="11", version=2)), entry(rule("c")), entry(rule("d", "B")))
    changes = store.changes(1)
    assert (ids(list(changes.rules)), list(changes.gone)) == (["a", "c"], [])
    assert store.changes(1) == ([], [])
    watched.change(Entry(0, b"c", None), entry(rule("a", "B", version=3)), Entry(0, b"never", None))
    assert sorted(store.changes(1).gone) == ["a", "c"]
    assert ids(store.claim(["B"], 2)) == ["a", "b", "d"]


def test_an_older_version_changes_nothing() -> None:
    watched = Watched(rule("a", version=2))
    watched.store.claim(["A"], 1)
    watched.change(entry(rule("a", threshold="9")), entry(rule("a", threshold="9", version=2)))
    assert watched.store.changes(1) == ([], [])


def test_what_is_no_rule_is_counted_and_said() -> None:
    with capture_logs() as logs:
        watched = Watched(rule("a"), rule("bad", threshold="0"), rule("sign", symbol="A,B"))
        watched.change(Entry(0, b"broken", b"{"), Entry(0, b"other", msgspec.json.encode(rule("a"))))
    refused = [line["rule"] for line in logs if line["event"] == "alert_rule_refused"]
    assert refused == ["bad", "sign", "broken", "other"]
    assert watched.registry.get_sample_value("tapeflow_alert_rules_refused_total") == 4
    assert len(watched.store) == 1


def test_the_topic_is_read_once_and_looked_at_now_and_then() -> None:
    watched = Watched(rule("a"))
    watched.store.open()
    watched.topic.waiting.append(entry(rule("b")))
    watched.now_s = LOOK_S / 2
    watched.store.look()
    assert len(watched.store) == 1
    watched.now_s = LOOK_S
    watched.store.look()
    assert len(watched.store) == 2


def test_views_are_told_by_the_process_that_keeps_them() -> None:
    first = rule("a")
    watched = Watched(first, keeps_views=True)
    watched.change(Entry(0, b"a", None))
    text = msgspec.json.encode(first)
    assert watched.store.take_views() == [RuleView("anna", "a", 1, text), RuleView("anna", "a", 1, b"")]
    assert watched.store.take_views() == []
    assert Watched(first).store.take_views() == []
