"""What the analytics flow and the rules' flow depend on: their topics, partitions, compaction and rights.

jobs.doctor.examination calls it. A desk that isn't there is no fault, and neither are rules that nobody has made; what
is there must be so that nothing is lost: figures follow from all records of a topic, and rules are kept by compaction.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from connectors.kafka.rights import KafkaRights
from connectors.kafka.topic_config import topic_config
from flows.analytics_reading import desk_topics
from flows.reading import read_options
from jobs.doctor.finding import Finding
from jobs.doctor.topics import Marks, rights_lacking, topic_marks
from runtime.settings.whole import Settings
from schemas.desk import DeskKind
from schemas.names import armed_topic, dead_letter_topic

__all__ = ["desk_findings", "rules_findings"]

ALONE: Final[Mapping[DeskKind, str]] = {
    "lp": "alerts of silence and status are of a partition",
    "exposure": "totals and levels are of a partition",
}
"""Kinds whose topics should have one partition, and why."""


def desk_findings(settings: Settings) -> Iterator[Finding]:
    """Of each topic of a desk that is there; one line where none is."""
    rights = KafkaRights(read_options(settings))
    topics = desk_topics(settings)
    there = {kind: found for kind, topic in topics.items() if (found := topic_marks(settings, topic)) is not None}
    if not there:
        yield Finding("desk", "ok", f"no desk: none of {', '.join(topics.values())} is there")
        return
    for kind, topic in topics.items():
        name = f"topic {topic}"
        if kind not in there:
            what = "isn't there: `tapeflow run analytics` would refuse to start"
            yield Finding(name, "warning", what, f"create it, or leave {kind} out of TAPEFLOW_ANALYTICS_KINDS")
            continue
        yield _topic_of_desk(name, kind, there[kind])
        yield from rights_lacking(rights, topic, "READ", "DESCRIBE")
        if settings.dead_letters_from != "none" and rights.topic(dead_letter_topic(topic)).exists:
            yield from rights_lacking(rights, dead_letter_topic(topic), "WRITE", "DESCRIBE")


def _topic_of_desk(name: str, kind: DeskKind, marks: Marks) -> Finding:
    held = sum(high - low for low, high in marks.values())
    said = f"{len(marks)} partitions, {held} records kept"
    if len(marks) > 1 and kind in ALONE:
        return Finding(name, "warning", f"{said}; {ALONE[kind]}", "give it one partition")
    if any(low for low, _ in marks.values()):
        todo = "give it a longer retention: what was stored stays right"
        return Finding(name, "warning", f"{said}; its first ones are gone, so nothing can prove its figures", todo)
    return Finding(name, "ok", said)


def rules_findings(settings: Settings) -> Iterator[Finding]:
    """Of the topics of users' rules, where they are there."""
    rights, rules = KafkaRights(read_options(settings)), settings.alert_rules_topic
    trades = topic_marks(settings, settings.kafka_topic) or {}
    for topic, partitions in ((rules, 1), (armed_topic(rules), len(trades))):
        name, marks = f"topic {topic}", topic_marks(settings, topic)
        if marks is None:
            yield Finding(name, "ok", "isn't there: `tapeflow run alerts` makes it")
            continue
        config = topic_config(settings.kafka_bootstrap, topic, settings.kafka_properties).values
        policy = config.get("cleanup.policy")
        if policy is not None and policy != "compact":
            what = f"cleanup.policy is {policy}: rules are forgotten with their records"
            yield Finding(name, "failed", what, "kafka-configs --alter --add-config cleanup.policy=compact")
        elif len(marks) < partitions:
            what = f"{len(marks)} partitions, and {settings.kafka_topic} has {partitions}"
            yield Finding(name, "failed", what, "kafka-topics --alter --partitions: one for each of the trades'")
        else:
            yield Finding(name, "ok", f"{len(marks)} partitions{', compacted' if policy else ''}")
        yield from rights_lacking(rights, topic, "READ", "WRITE", "DESCRIBE")
