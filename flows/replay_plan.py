"""What a replay reads and which bars it may write, worked out once and kept: the identity of a replay.

``tapeflow replay`` plans; the flow and its report read the plan again, also after a kill. Positions become offsets
once, before the first read, so a resumed replay has the same edges. A bar is whole when it starts at ``whole_from_us``
or later and the watermark passes its end within the range. For a range given by time that bound is exact: no trade with
that event time can stand in a record stamped earlier by more than ``future_ms`` (docs/adr/0008-replay-whole-bars.md).
For a range given by offsets it is taken from the newest of the 20,000 records before it. Where retention has removed
those, it is taken from Kafka's time of the first trade that is left (docs/adr/0009-final-means-whole.md), since nothing
else says how new the older ones were.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.range import OffsetRange, read_range
from core.bars.shard_kernel import OPEN_END
from flows.reading import decode_trades, read_options, rules_of, words_of
from runtime.settings.time import TimeSettings
from runtime.settings.whole import Settings
from schemas.errors import InputError, OffsetExpired, SettingError, StateIncompatible

__all__ = ["PLAN_FILE", "Plan", "Request", "load_plan", "make_plan", "save_plan"]

PLAN_VERSION: Final = 1
PLAN_FILE: Final = "plan.json"
LOOK_BACK_RECORDS: Final = 20_000
FROM_THE_START: Final = -OPEN_END


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. table: database.table, or empty when bars are only gathered. symbols: empty means all.

    event_start, event_end: ISO times that bars start at or after and end at or before, whatever the records' times;
    empty means any.
    """

    start: str
    end: str
    symbols: tuple[str, ...]
    intervals: tuple[int, ...]
    table: str
    fold_late: bool
    event_start: str = ""
    event_end: str = ""

    def identity(self, settings: Settings) -> str:
        """The same for the same request under the same rules: a replay that was killed is found by it."""
        read = read_options(settings)
        words = (
            *(self, read.bootstrap, read.topic, rules_of(settings), settings.value_format, settings.field_map),
            *(settings.time_unit, words_of(settings), settings.value_bytes_max),
            *(
                ",".join(server_of(each) for each in settings.schema_registry_url.split(",")),
                server_of(settings.clickhouse_dsn),
                settings.clickhouse_database,
            ),
        )
        return hashlib.sha256(repr(words).encode()).hexdigest()[:16]


def server_of(url: str) -> str:
    """Host, port and path: a password that was changed makes no other server."""
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    return f"{authority.rpartition('@')[2]}/{path}"


class Plan(msgspec.Struct, frozen=True):
    """ranges: [first, end) offsets read per partition. whole_from_us: bars starting before are not written.

    ends_us_max: bars that end later are not written. Keys of mappings are partitions.
    """

    version: int
    identity: str
    topic: str
    topic_id: str
    partitions: int
    ranges: dict[int, tuple[int, int]]
    whole_from_us: dict[int, int]
    ends_us_max: int
    symbols: list[str]
    intervals: list[int]
    table: str
    fold_late: bool

    @property
    def records(self) -> int:
        return sum(end - first for first, end in self.ranges.values())


def save_plan(plan: Plan, folder: Path) -> None:
    beside = folder / f".{PLAN_FILE}"
    beside.write_bytes(msgspec.json.encode(plan))
    beside.replace(folder / PLAN_FILE)


def load_plan(folder: Path) -> Plan:
    """Raises StateIncompatible when the folder holds no plan of this version."""
    path = folder / PLAN_FILE
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.DecodeError) as error:
        raise StateIncompatible(
            f"no plan of a replay can be read: {error}", where=str(path), mend="move the folder away and start again"
        ) from error
    if plan.version != PLAN_VERSION:
        raise StateIncompatible(
            f"the plan of the replay has version {plan.version}, not {PLAN_VERSION}",
            where=str(path),
            mend="finish it with the release that began it, or move the folder away and start again",
        )
    return plan


def make_plan(request: Request, settings: Settings) -> Plan:
    """Asks the brokers. Raises InputError (impossible or empty range), OffsetExpired, MissingObject, Unreachable."""
    start, end = Position.parse(request.start), Position.parse(request.end)
    bars_from_us = event_time_us(request.event_start, "--event-from", FROM_THE_START)
    bars_to_us = event_time_us(request.event_end, "--event-to", OPEN_END)
    if bars_to_us <= bars_from_us:
        raise InputError(f"no bar ends by {request.event_end} and starts after it", where="--event-from, --event-to")
    if start.kind == end.kind == "time" and end.time_ms <= start.time_ms:
        raise InputError(f"the range ends at {end}, not after its start {start}", where="--from, --to")
    options = read_options(settings)
    with TopicQuestions(options) as questions:
        facts = questions.facts()
        partitions = range(facts.partitions)
        marks = questions.watermarks(partitions)
        for position in (start, end):
            _check_named(position, options.topic, marks)
        begins = questions.resolve(_reading_start(start, settings), partitions)
        ends = questions.resolve(_reading_end(end, request, settings), partitions, unnamed="latest")
    ranges = {}
    for partition, (low, high) in marks.items():
        first, last = begins[partition], ends[partition]
        if last < first and (start.kind == "offsets" or end.kind == "offsets"):
            raise InputError(f"{options.topic}[{partition}] would be read from {first} to {last}", where="--from, --to")
        # The first record behind the time tells that the market went on: in a sparse one nothing else closes its bars.
        first, more = max(low, min(first, high)), int(end.kind == "time" and first < last)
        last = min(last + more, high)
        # An empty range stands at the end, where retention can't get past it before a resume.
        ranges[partition] = (first, last) if first < last else (high, high)
    if not any(first < last for first, last in ranges.values()):
        raise InputError(
            f"topic {options.topic} holds no record in that range",
            where="--from, --to",
            mend="times are those of records: for times of trades say --event-from and --event-to instead",
        )
    whole_from_us = {
        partition: max(_whole_from_us(start, partition, span, marks[partition][0], options, settings), bars_from_us)
        for partition, span in ranges.items()
        if span[0] < span[1]
    }
    return Plan(
        version=PLAN_VERSION,
        identity=request.identity(settings),
        topic=facts.topic,
        topic_id=facts.topic_id,
        partitions=facts.partitions,
        ranges=_warmed(ranges, marks, settings),
        whole_from_us=whole_from_us,
        ends_us_max=min(end.time_ms * 1000 if end.kind == "time" else OPEN_END, bars_to_us),
        symbols=list(request.symbols),
        intervals=list(request.intervals),
        table=request.table,
        fold_late=request.fold_late,
    )


def event_time_us(text: str, option: str, unsaid_us: int) -> int:
    """An ISO time as microseconds. Raises SettingError for what is none."""
    if not text:
        return unsaid_us
    try:
        position = Position.parse(text)
    except SettingError:
        position = Position("latest")
    if position.kind != "time":
        raise SettingError(f"{text!r} is no time", where=option, mend="say a day or an ISO time, such as 2026-01-31")
    return position.time_ms * 1000


def _check_named(position: Position, topic: str, marks: Mapping[int, tuple[int, int]]) -> None:
    for partition, offset in position.offsets.items():
        if partition not in marks:
            raise InputError(f"topic {topic} has no partition {partition}", where="--from, --to")
        low, high = marks[partition]
        if offset > high:
            raise InputError(f"{topic}[{partition}] ends at {high}, before {offset}", where="--from, --to")
        if offset < low:
            raise OffsetExpired(
                f"offset {offset} is gone, the topic now begins at {low}",
                where=f"{topic}[{partition}]",
                mend="say `earliest` for what is left",
            )


def _reading_start(start: Position, settings: TimeSettings) -> Position:
    """A trade of time T may stand in a record stamped ``future_ms`` earlier, and in none before that."""
    return Position("time", max(start.time_ms - settings.future_ms, 0)) if start.kind == "time" else start


def _reading_end(end: Position, request: Request, settings: Settings) -> Position:
    """Read on until what ends in the range is closed and, as in live, sealed."""
    if end.kind != "time":
        return end
    rules = rules_of(settings)
    lateness_us = max(rules.lateness_us[index] for index in request.intervals)
    return Position("time", end.time_ms + (rules.out_of_order_us + lateness_us) // 1000)


def _warmed(
    ranges: Mapping[int, tuple[int, int]], marks: Mapping[int, tuple[int, int]], settings: TimeSettings
) -> dict[int, tuple[int, int]]:
    """Duplicates are known by ids seen before, so with dedupe a window's worth of records before is read as well."""
    back = settings.dedupe_window if settings.dedupe else 0
    return {
        partition: (max(marks[partition][0], first - back) if first < end else end, end)
        for partition, (first, end) in ranges.items()
    }


def _whole_from_us(
    start: Position, partition: int, span: OffsetRange, low: int, options: KafkaReadOptions, settings: Settings
) -> int:
    """Bars that start here or later have all their trades in ``span`` or behind it.

    Records that were put back are looked at like all others: they bound what was sent before them just as well.
    """
    asked_us, (first, end) = start.time_ms * 1000 if start.kind == "time" else FROM_THE_START, span
    # Under a raised epoch the topic was made anew, and its first record is not the log's.
    is_anew = settings.source_epoch > 0
    if (first == 0 and not is_anew) or (start.kind == "time" and first > low):
        return asked_us
    decode, back = decode_trades(settings), max(low, first - LOOK_BACK_RECORDS)
    newest_us = [
        int(np.max(rows["event_time_us"]))
        for raw in read_range(options, {partition: (back, first)})
        if len(rows := decode(raw).rows)
    ]
    if (back > 0 or is_anew) and (back == low or not newest_us):
        # Kafka's time too: the first trade may itself be late, and what is gone was sent before it.
        for raw in read_range(options, {partition: (back, end)}):
            if len(rows := decode(raw).rows):
                newest_us.append(max(int(rows["event_time_us"][0]), int(rows["timestamp_ms"][0]) * 1000))
                break
    if not newest_us:
        return asked_us if back == 0 and not is_anew else OPEN_END
    return max(asked_us, max(newest_us) + max(settings.out_of_order_ms, settings.future_ms) * 1000 + 1)
