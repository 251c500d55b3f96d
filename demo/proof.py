"""The demo's proof: the topic read again, everything recomputed by the oracle, and both stores compared with it.

Runs after the flows have stopped. Nothing that a flow said about itself is believed. Its counts must equal the oracle's
per partition, each bar and ticker must be equal in every field, and the dead letters must be the records that the
oracle refuses, each once or more. Only if all of it holds is the demo a success.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import OffsetRange, ranges_between
from core.bars.rules import unjudged_note
from demo.checks import Check
from demo.desk_proof import DeskMade, prove_desk, prove_rules, ticks_of
from demo.figures import OUTCOMES, Figures
from flows.live import bounds_of
from flows.reading import read_options
from jobs.clickhouse_bars import read_bars
from jobs.price_alerts import read_armings
from jobs.redis_now import compare_now
from jobs.verify import edges_of, recompute_ranges, requeued_records
from oracle.comparison import Comparison, Difference, Edge, compare_bars
from oracle.truth import OracleResult
from runtime.settings.clickhouse import ClickHouseSettings
from runtime.settings.kafka import KafkaSettings
from runtime.settings.whole import Settings
from schemas.errors import MissingObject
from schemas.rejects import Reason
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.redis.connection import asked

__all__ = ["Proof", "prove"]

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """``is_whole``: every record was recomputed, and so was what speaks of all of them."""

    checks: tuple[Check, ...]
    counts: dict[str, int]
    bars: int
    differences: tuple[Difference, ...] = ()
    is_whole: bool = True

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "counts": self.counts,
            "bars": self.bars,
            "whole": self.is_whole,
            "checks": [{"name": each.name, "holds": each.holds, "detail": each.detail} for each in self.checks],
            "differences": [each._asdict() for each in self.differences],
        }


def prove(
    settings: Settings,
    sent: int,
    figures: dict[str, Figures],
    progress: Callable[[int, int], None],
    records_max: int = 0,
    made: DeskMade | None = None,
) -> Proof:
    """Hold everything against the oracle. ``figures``: each flow's last; ``sent``: records that the broker took;
    ``made``: by the desk, None where there is none.

    records_max: recompute about so many at most (0: all), the first of each partition. Then only bars that these
    decide are held against ClickHouse, and what speaks of all records (Redis, accounts, dead letters) adds up alone.
    """
    options = read_options(settings)
    whole = ranges_between(options, Position("earliest"), Position("latest"))
    total = sum(end - start for start, end in whole.values())
    ranges = _first_records(whole, records_max)
    armings = read_armings(settings)
    ticks = ticks_of(settings, armings, ranges)
    result = recompute_ranges(
        options, ranges, settings, progress, requeued=requeued_records(settings), on_applied=ticks.take
    )
    of_desk = []
    if made is not None:
        of_desk = [*prove_desk(settings, made.sent), prove_rules(settings, armings, ticks, made.rules)]
    counts = {name: sum(each[name] for each in result.counts.values()) for name in ("read", *OUTCOMES)}
    proved = sum(end - start for start, end in ranges.values())
    checks = [Check("topic", total == sent and counts["read"] == proved, f"{sent} records sent, {total} in the topic")]
    if ranges != whole:
        history = _stored_bars(settings, result, edges_of(options, ranges, settings))
        checks += [
            Check("proof", counts["read"] == proved, f"the first {proved} of {total} records; --prove-max 0 takes all"),
            *(_adds_up(name, each, total) for name, each in figures.items()),
            Check("ClickHouse", not history.differing and history.compared > 0, str(history)),
            *of_desk,
        ]
        return Proof(tuple(checks), counts, len(result.bars), tuple(history.differences[:SHOWN]), is_whole=False)
    history, now = _stored_bars(settings, result), _stored_now(settings, result)
    checks += [
        *(_accounts(name, each, result) for name, each in figures.items()),
        Check("ClickHouse", not history.differing and history.compared > 0, str(history)),
        Check("Redis", not now.differing and now.compared > 0, str(now).replace("bars", "tickers and bars")),
    ]
    if settings.dead_letters_from != "none":
        checks.append(_dead_letters(settings, result))
    checks += of_desk
    differences = (*history.differences[:SHOWN], *now.differences[:SHOWN])
    return Proof(tuple(checks), counts, len(result.bars), differences)


def _first_records(ranges: dict[int, OffsetRange], records_max: int) -> dict[int, OffsetRange]:
    """The beginning of each range, alike in share, ``records_max`` in all (0: as they are)."""
    total = sum(end - start for start, end in ranges.values())
    if not records_max or total <= records_max:
        return ranges
    return {each: (start, start + (end - start) * records_max // total) for each, (start, end) in ranges.items()}


def _adds_up(flow: str, figures: Figures, total: int) -> Check:
    """The account of a flow by itself, where not every record is recomputed."""
    counts = {name: figures.outcome(name) for name in OUTCOMES}
    account = f"{figures.records} read = " + " + ".join(f"{count} {name}" for name, count in counts.items())
    return Check(f"{flow} account", figures.records == total == sum(counts.values()), account)


def _stored_bars(
    settings: ClickHouseSettings, result: OracleResult, edges: Mapping[int, Edge] | None = None
) -> Comparison:
    client = connect_clickhouse(settings.clickhouse_dsn)
    try:
        stored = read_bars(client, settings.clickhouse_database)
    finally:
        client.disconnect()
    found = compare_bars(result.bars.values(), stored, edges)
    if found.elsewhere and edges is None:
        found.differing += found.elsewhere
        found.differences.append(Difference("", "", 0, "bar", "no such symbol", f"{found.elsewhere} stored"))
    return found


def _stored_now(settings: Settings, result: OracleResult) -> Comparison:
    with asked(settings.redis_url) as client:
        return compare_now(client, result, kept=bounds_of(settings).kept)


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


def _dead_letters(settings: KafkaSettings, result: OracleResult) -> Check:
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
