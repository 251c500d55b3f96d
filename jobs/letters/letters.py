"""What ``tapeflow dead-letters`` does: finds letters, says whether they would be taken now, and puts them back.

Letters come from the dead-letter topic through jobs.letters.kafka_topic. A refused record is put back at most once,
whatever is killed in between, and only onto the partition that it came from, so that its symbol stays in one partition.
By default only those are put back that the present settings would take, since the others would come straight back as
new letters.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.range import ranges_between
from connectors.kafka.requeued import read_markers
from flows.analytics_reading import desk_decoding
from flows.reading import decode_trades
from jobs.letters.kafka_topic import Letter, RequeueTransaction, read_letters
from runtime.settings.whole import Settings
from schemas.columns import RawBatch, TradeBatch
from schemas.desk import DeskBatch, DeskKind
from schemas.errors import InputError
from schemas.names import requeued_topic
from sinks.kafka.sink import ensure_topic

__all__ = ["Letters", "Requeued", "Wanted", "judge_letters"]

LOT: Final = 500
PROGRESS_LETTERS: Final = 100
Judge = Callable[[Letter], str]
"""Why the record would be refused now; empty if it would be taken."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters. start, end: positions in the dead-letter topic, times being when records were refused. reasons
    and origins (topic/partition/offset, or partition:offset of the source topic): none given means any."""

    start: str = "earliest"
    end: str = "latest"
    reasons: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def takes(self, letter: Letter) -> bool:
        place = f"{letter.origin_partition}:{letter.origin_offset}"
        return (not self.reasons or letter.reason in self.reasons) and (
            not self.origins or letter.origin in self.origins or place in self.origins
        )


@dataclass
class Requeued:
    """put_back: (or, in a dry run, would be). refused: by reason, what present settings would refuse again."""

    put_back: int = 0
    already: int = 0
    cut: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        left = [(self.already, "put back before"), (self.cut, "cut when written, their bytes are not whole")]
        left += [(count, f"would be refused again as {reason}") for reason, count in self.refused.most_common()]
        note = "; ".join(f"{count} {what}" for count, what in left if count)
        return f"{self.put_back} letters put back" + (f"; left: {note}" if note else "")


class Letters:
    """The dead letters of the settings' topic. Raises MissingObject when there is no such topic.

    ``progress`` is told how many letters were read, and how many there are.
    """

    def __init__(self, settings: Settings, progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        self._settings = settings
        self._progress = progress
        self._options = self._options_of(settings.dead_letter_topic)
        self._markers = self._options_of(requeued_topic(settings.dead_letter_topic))

    def find(self, wanted: Wanted) -> Iterator[Letter]:
        """In the order of their partitions' offsets; a second copy of one record's letter is left out."""
        ranges = ranges_between(self._options, Position.parse(wanted.start), Position.parse(wanted.end))
        seen: set[str] = set()
        total = sum(end - start for start, end in ranges.values())
        for read, letter in enumerate(read_letters(self._options, ranges), 1):
            if read % PROGRESS_LETTERS == 0:
                self._progress(read, total)
            if wanted.takes(letter) and letter.origin not in seen:
                seen.add(letter.origin)
                yield letter

    def requeued(self) -> set[str]:
        """Origins of the letters that were put back."""
        return set(read_markers(self._markers))

    def requeue(self, wanted: Wanted, *, dry_run: bool, judge: Judge | None) -> Requeued:
        """Put back what is wanted and wasn't yet. judge: None puts back also what would be refused again."""
        if dry_run:
            return self._put(self._candidates(wanted, self.requeued(), judge, done := Requeued()), None, done)
        ensure_topic(
            self._settings.kafka_bootstrap,
            self._markers.topic,
            config={"cleanup.policy": "compact"},
            properties={name: str(value) for name, value in self._settings.kafka_properties.items()},
        )
        with RequeueTransaction(
            self._settings.kafka_bootstrap, self._options.topic, self._markers.topic, self._settings.kafka_properties
        ) as transaction:
            # Read behind the fence: nobody adds a marker from here on.
            done = Requeued()
            return self._put(self._candidates(wanted, self.requeued(), judge, done), transaction, done)

    def _candidates(self, wanted: Wanted, marked: set[str], judge: Judge | None, done: Requeued) -> Iterator[Letter]:
        partitions: dict[str, int] = {}
        for letter in self.find(wanted):
            if letter.origin in marked:
                done.already += 1
            elif letter.cut_from_bytes:
                done.cut += 1
            elif judge is not None and (reason := judge(letter)):
                done.refused[reason] += 1
            else:
                self._check_target(letter, partitions)
                yield letter

    def _put(self, letters: Iterable[Letter], transaction: RequeueTransaction | None, done: Requeued) -> Requeued:
        lot: list[Letter] = []
        for letter in letters:
            lot.append(letter)
            if len(lot) == LOT:
                self._send(lot, transaction, done)
        self._send(lot, transaction, done)
        return done

    @staticmethod
    def _send(lot: list[Letter], transaction: RequeueTransaction | None, done: Requeued) -> None:
        if lot and transaction is not None:
            transaction.put_back(lot)
        done.put_back += len(lot)
        lot.clear()

    def _check_target(self, letter: Letter, partitions: dict[str, int]) -> None:
        topic = letter.origin_topic
        if topic not in partitions:
            with TopicQuestions(self._options_of(topic)) as questions:
                partitions[topic] = questions.facts().partitions
        if letter.origin_partition >= partitions[topic]:
            raise InputError(
                f"topic {topic} has no partition {letter.origin_partition} any more", where=f"letter {letter.origin}"
            )

    def _options_of(self, topic: str) -> KafkaReadOptions:
        return KafkaReadOptions(
            bootstrap=self._settings.kafka_bootstrap, topic=topic, properties=self._settings.kafka_properties
        )


def judge_letters(settings: Settings, kind: DeskKind | None = None) -> Judge:
    """Decides as the flows would, on a record that arrives now. ``kind``: of a desk's topic, None for trades."""
    decode: Callable[[RawBatch], TradeBatch | DeskBatch]
    decode = decode_trades(settings) if kind is None else desk_decoding(settings, kind)

    def judge(letter: Letter) -> str:
        value = letter.value or b""
        raw = RawBatch(
            topic=letter.origin_topic,
            partition=letter.origin_partition,
            data=value,
            ends=np.array([len(value)], np.int64),
            offsets=np.array([letter.origin_offset], np.int64),
            timestamps_ms=np.array([int(time.time() * 1000)], np.int64),
            keys=[letter.key],
            nulls=[0] if letter.value is None else [],
        )
        rejects = decode(raw).rejects
        return rejects[0].reason.label if rejects else ""

    return judge
