"""The armed log: what became of users' rules, written to the compacted topic that recovery and oracles read.

sinks.alerts writes it in the order that exactness rests on; here is only how a record looks and where it goes: under
the rule's id, into the partition of the trades that the rule is met by. ``flush`` returns when brokers have it all.
"""

import threading
from collections.abc import Mapping, Sequence

import msgspec

from schemas.alert_rules import ArmedRule, RuleTerms
from sinks.kafka.sink import CheckedProducer, ensure_topic

__all__ = ["ArmedLog"]

_encoder = msgspec.json.Encoder()
_terms = msgspec.json.Decoder(RuleTerms)


class ArmedLog:
    """Creates the topic, compacted and with as many partitions as the trades have, where it is missing."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        shards: int,
        *,
        properties: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        ensure_topic(bootstrap, topic, partitions=shards, config={"cleanup.policy": "compact"}, properties=properties)
        self._producer = CheckedProducer(bootstrap, topic, properties=properties, stop=stop)
        self._moves: dict[tuple[int, str], ArmedRule] = {}

    def write(self, partition: int, gone: Sequence[str], armed: Sequence[ArmedRule]) -> None:
        """What rules of a partition were taken back, and armed anew; returns when it is acknowledged."""
        for rule_id in gone:
            self._moves.pop((partition, rule_id), None)
            self._producer.send(rule_id.encode(), None, [], partition=partition)
        for record in armed:
            rule_id = _terms.decode(record.rule).id
            self._moves.pop((partition, rule_id), None)
            self._producer.send(rule_id.encode(), _encoder.encode(record), [], partition=partition)
        self._producer.flush()

    def note(self, partition: int, moved: Sequence[ArmedRule]) -> None:
        """Keep what the next ``flush`` writes; the last move of a rule counts."""
        for record in moved:
            self._moves[partition, _terms.decode(record.rule).id] = record

    def flush(self) -> None:
        """Write the moves; returns when they are acknowledged."""
        moves, self._moves = self._moves, {}
        for (partition, rule_id), record in moves.items():
            self._producer.send(rule_id.encode(), _encoder.encode(record), [], partition=partition)
        self._producer.flush()
