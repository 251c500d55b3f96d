"""The armed log on a real broker: what is written when, and where."""

import msgspec

from connectors.kafka.compacted import CompactedTopic, Entry
from schemas.alert_rules import AlertRule, ArmedRule
from sinks.kafka.armed_log import ArmedLog
from tests.integration.connectors.kafka_feeding import options


def record(rule_id: str, at: int, state: str = "armed") -> ArmedRule:
    rule = AlertRule(rule_id, "anna", "A", "above", "1")
    return ArmedRule(msgspec.Raw(msgspec.json.encode(rule)), 0, at, state)  # type: ignore[arg-type]


def entries(bootstrap: str, topic: str) -> list[Entry]:
    reader = CompactedTopic(options(bootstrap, topic))
    found = sorted(reader.read(), key=lambda each: each.partition)
    reader.close()
    return found


def summed(found: list[Entry]) -> list[tuple[int, bytes, int | None]]:
    return [
        (each.partition, each.key, None if each.value is None else msgspec.json.decode(each.value, type=ArmedRule).at)
        for each in found
    ]


def test_armings_at_once_and_moves_with_the_epoch(kafka_bootstrap: str) -> None:
    topic = "armed-log-test"
    log = ArmedLog(kafka_bootstrap, topic, 2)
    log.write(1, [], [record("a", 1), record("b", 1)])
    assert summed(entries(kafka_bootstrap, topic)) == [(1, b"a", 1), (1, b"b", 1)]
    log.note(1, [record("a", 2), record("b", 3, "fired")])
    log.note(1, [record("a", 4)])
    log.note(0, [record("c", 9)])
    assert len(entries(kafka_bootstrap, topic)) == 2
    log.write(1, ["b"], [])
    log.flush()
    assert summed(entries(kafka_bootstrap, topic)) == [
        (0, b"c", 9), (1, b"a", 1), (1, b"b", 1), (1, b"b", None), (1, b"a", 4),
    ]  # fmt: skip
    log.note(1, [record("a", 5)])
    log.write(1, [], [record("a", 6)])
    log.flush()
    assert summed(entries(kafka_bootstrap, topic))[-1] == (1, b"a", 6)
