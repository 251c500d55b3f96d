"""Topics of rules without a broker, for tests of what the alerts flow makes of their entries."""

from collections.abc import Iterator

import msgspec

from connectors.kafka.compacted import Entry
from schemas.alert_rules import AlertRule

__all__ = ["FakeTopic", "entry", "rule"]


class FakeTopic:
    """What stands in for connectors.kafka.compacted.CompactedTopic: entries that are there, and those put in later."""

    def __init__(self, *entries: Entry) -> None:
        self.waiting = list(entries)
        self.closed = False

    def read(self) -> Iterator[Entry]:
        return self.changes()

    def changes(self) -> Iterator[Entry]:
        while self.waiting:
            yield self.waiting.pop(0)

    def close(self) -> None:
        self.closed = True


def rule(rule_id: str, symbol: str = "A", threshold: str = "10", version: int = 1, **more: object) -> AlertRule:
    given = {"condition": "above", "user": "anna", **more}
    return AlertRule(id=rule_id, symbol=symbol, threshold=threshold, version=version, **given)  # type: ignore[arg-type]


def entry(written: AlertRule) -> Entry:
    return Entry(0, written.id.encode(), msgspec.json.encode(written))
