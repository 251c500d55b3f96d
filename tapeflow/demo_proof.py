"""The demo's proof: the topic read again, everything recomputed by the oracle, and both stores held against it.

Runs after the flows have stopped. Law: nothing that a flow said about itself is believed; its counts must equal the
oracle's per partition, each bar and ticker must be equal in every field, and the dead letters must be the records that
the oracle refuses, each once or more. Only if all of it holds is the demo a success.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from connectors.kafka_options import KafkaReadOptions, Position
from connectors.kafka_range import ranges_between
from core.rules import unjudged_note
from flows.reading import read_options
from schemas.errors import MissingObject
from schemas.rejects import Reason
from sinks.clickhouse import connect as connect_clickhouse
from sinks.redis import connect as connect_redis
from tapeflow.clickhouse_bars import read_bars
from tapeflow.comparison import Comparison, Difference, compare_bars
from tapeflow.demo_figures import OUTCOMES, Figures
from tapeflow.oracle import OracleResult
from tapeflow.redis_now import compare_now
from tapeflow.settings import Settings
from tapeflow.verify import recompute_ranges, requeued_records

__all__ = ["Check", "Proof", "prove"]

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Proof:
    checks: tuple[Check, ...]
    counts: dict[str, int]
    bars: int
    differences: tuple[Difference, ...] = ()

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "counts": self.counts,
            "bars": self.bars,
            "checks": [{"name": each.name, "holds": each.holds, "detail": each.detail} for each in self.checks],
            "differences": [each._asdict() for each in self.differences],
        }


def prove(settings: Settings, sent: int, figures: dict[str, Figures], progress: Callable[[int, int], None]) -> Proof:
    """Hold everything against the oracle. ``figures``: each flow's last; ``sent``: records that the broker took."""
    options = read_options(settings)
    ranges = ranges_between(options, Position("earliest"), Position("latest"))
    total = sum(end - start for start, end in ranges.values())
    result = recompute_ranges(options, ranges, settings, progress, requeued=requeued_records(settings))
    history, now = _stored_bars(settings, result), _stored_now(settings, result)
    counts = {name: sum(each[name] for each in result.counts.values()) for name in ("read", *OUTCOMES)}
    checks = [
        Check("topic", total == sent == counts["read"], f"{sent} records sent, {total} in the topic"),
        *(_accounts(name, each, result) for name, each in figures.items()),
        Check("ClickHouse", not history.differing and history.compared > 0, str(history)),
        Check("Redis", not now.differing and now.compared > 0, str(now).replace("bars", "tickers and bars")),
    ]
    if settings.dead_letters_from != "none":
        checks.append(_dead_letters(settings, result))
    differences = (*history.differences[:SHOWN], *now.differences[:SHOWN])
    return Proof(tuple(checks), counts, len(result.bars), differences)


def _stored_bars(settings: Settings, result: OracleResult) -> Comparison:
    client = connect_clickhouse(settings.clickhouse_dsn)
    try:
        stored = read_bars(client, settings.clickhouse_database)
    finally:
        client.disconnect()
    found = compare_bars(result.bars.values(), stored)
    if found.elsewhere:
        found.differing += found.elsewhere
        found.differences.append(Difference("", "", 0, "bar", "no such symbol", f"{found.elsewhere} stored"))
    return found


def _stored_now(settings: Settings, result: OracleResult) -> Comparison:
    client = connect_redis(settings.redis_url)
    try:
        return compare_now(client, result, hash_tags=settings.redis_hash_tags, kept=settings.candles_kept)
    finally:
        client.close()


def _accounts(flow: str, figures: Figures, result: OracleResult) -> Check:
    wrong = []
    for partition, expected in result.counts.items():
        said = {"read": figures.read.get(partition, 0), **figures.outcomes.get(partition, {})}
        if said != expected or said["read"] != sum(said[name] for name in OUTCOMES):
            wrong.append(f"partition {partition}: {said}, not {expected}")
    unjudged = sum(result.unjudged.values())
    if figures.unjudged != unjudged:
        wrong.append(f"{figures.unjudged} unjudged, not {unjudged}")
    total = {name: figures.outcome(name) for name in OUTCOMES}
    account = f"{figures.records} read = " + " + ".join(f"{count} {name}" for name, count in total.items())
    account += unjudged_note(unjudged)
    return Check(f"{flow} account", not wrong, "; ".join(wrong) or account)


def _dead_letters(settings: Settings, result: OracleResult) -> Check:
    expected = Counter[str]()
    for reasons in result.rejects.values():
        for reason, count in reasons.items():
            if reason is not Reason.REQUEUED:
                expected[reason.label] += count
    options = KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap, topic=settings.dead_letter_topic, properties=settings.kafka_properties
    )
    try:
        ranges = ranges_between(options, Position("earliest"), Position("latest"))
    except MissingObject as error:
        return Check("dead letters", not expected, f"{expected.total()} refused, {error.what}")
    found = sum(end - start for start, end in ranges.values())
    # No worker crashed here, so each refused record is there exactly once.
    by_reason = ", ".join(f"{count} {label}" for label, count in sorted(expected.items()))
    return Check("dead letters", found == expected.total(), f"{found} kept, {expected.total()} refused: {by_reason}")
