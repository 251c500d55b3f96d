"""One worker's reader: a single Kafka client for all partitions that the worker owns, shared by their parts.

Parts of connectors.kafka.source take from it in turn; it polls once per round of them. It waits in one place only, and
only when the round before found nothing, and no longer than until a step is due, as the engine stands still meanwhile:
what was handed out has then gone through the worker's steps, in its own round. So a quiet topic costs no CPU, and a
busy one never waits to fill a batch.
Trouble in a partition is turned into the error that names the cause, or into a log line where reading goes on. A round
begins when a part asks for the second time, because the engine may skip parts at will.
"""

import math
import threading
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaException

from connectors.kafka.log import KafkaLog
from connectors.kafka.native_poll import open_poll
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.poll import NO_OFFSET, Drained, Poll
from connectors.kafka.questions import TopicFacts, TopicQuestions, misplaced
from schemas.errors import SettingError, StateIncompatible, Unreachable

__all__ = ["KafkaReader", "recreated"]

PLACE_CODES: Final = frozenset({-140, -139, 1})
"""_AUTO_OFFSET_RESET, _LOG_TRUNCATION, OFFSET_OUT_OF_RANGE: the fetcher has stopped."""
TOPIC_CODES: Final = frozenset({-188, -190, 3, 100})
"""_UNKNOWN_TOPIC, _UNKNOWN_PARTITION, UNKNOWN_TOPIC_OR_PART, UNKNOWN_TOPIC_ID."""
TOPIC_AUTHORIZATION_FAILED: Final = 29


def recreated(topic: str) -> StateIncompatible:
    """The error for a topic that was deleted and made anew under its old name."""
    return StateIncompatible(
        f"topic {topic} was re-created since the recovery state was written",
        mend="start anew with an empty recovery_dir and a higher source_epoch",
    )


class KafkaReader:
    """Shared by the parts of one worker thread; opens its client at the first ``take``.

    until_due_s: how long until a step of the flow wants to be called; no wait is longer.
    """

    def __init__(
        self,
        options: KafkaReadOptions,
        facts: TopicFacts,
        open_poll: Callable[[KafkaReadOptions, int], Poll] = open_poll,
        until_due_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._options = options
        self._facts = facts
        self._open = open_poll
        self._until_due_s = until_due_s
        self._poll: Poll | None = None
        self._log = KafkaLog(options.topic)
        self._fetched: dict[int, int] = {}
        self._assigned = False
        self._visited: set[int] = set()
        self._pending: dict[int, Drained] = {}
        self._was_empty = False
        self._closing = threading.Lock()

    def add(self, partition: int, offset: int) -> None:
        """Read ``partition`` from ``offset`` on."""
        self._fetched[partition] = offset
        self._assigned = False

    def remove(self, partition: int) -> None:
        """Read no further in ``partition``; the client closes with its last partition."""
        del self._fetched[partition]
        self._pending.pop(partition, None)
        self._visited.discard(partition)
        if self._poll is not None and not self._fetched:
            poll = self._poll
            with self._closing:
                self._poll = None
            poll.close()
        elif self._poll is not None and self._assigned:
            self._poll.pause(partition)

    def take(self, partition: int) -> Drained | None:
        """What was drained from ``partition`` since the last time, after polling if this call begins a round.

        Raises OffsetExpired, StateIncompatible, MissingObject or SettingError when the partition can't be read on.
        """
        if partition in self._visited or not self._visited or not self._assigned:
            self._round()
        self._visited.add(partition)
        drained = self._pending.pop(partition, None)
        if drained is not None and drained.error:
            self._judge(partition, drained)
        return drained

    def watermarks(self, partition: int) -> tuple[int, int]:
        """As Poll.watermarks."""
        return self._poll.watermarks(partition) if self._poll is not None else (-1, -1)

    def fetched_high(self, partition: int) -> int:
        """The high watermark that the client's own threads saw last, or negative; safe to call from any thread."""
        with self._closing:
            try:
                return self._poll.watermarks(partition)[1] if self._poll is not None else NO_OFFSET
            except (KafkaException, RuntimeError):
                return NO_OFFSET  # not assigned yet

    def _round(self) -> None:
        self._visited.clear()
        poll = self._ready()
        wanted = self._fetched.keys() - self._pending.keys()
        found = poll.drain(wanted, self._options.batch_records_max)
        if not found and not self._pending and self._was_empty:
            poll.wait(max(0.0, min(self._options.idle_wait_ms / 1000, self._until_due_s())))
            found = poll.drain(wanted, self._options.batch_records_max)
        self._was_empty = not found
        for partition, drained in found.items():
            self._pending[partition] = drained
            if drained.batch is not None:
                self._fetched[partition] = int(drained.batch.offsets[-1]) + 1
            self._fetched[partition] = max(self._fetched[partition], drained.end_offset)

    def _ready(self) -> Poll:
        if self._poll is None:
            self._poll = self._open(self._options, self._facts.partitions)
        if not self._assigned:
            # What is pending was fetched already; what lies in the client's queues is dropped and fetched again.
            self._poll.assign(self._fetched)
            self._assigned = True
        return self._poll

    def _judge(self, partition: int, drained: Drained) -> None:
        topic, code = self._options.topic, drained.error
        if code == TOPIC_AUTHORIZATION_FAILED:
            raise SettingError(f"not allowed to read topic {topic}", mend="ask for READ on it")
        if code in PLACE_CODES or code in TOPIC_CODES:
            try:
                self._check_place(partition)
            except Unreachable as error:
                self._log.say(code, "kafka_partition_doubted", partition=partition, detail=str(error))
            self._assigned = False
            return
        self._log.say((partition, code), "kafka_partition_failed", partition=partition, code=code)

    def _check_place(self, partition: int) -> None:
        with TopicQuestions(self._options) as questions:
            facts = questions.facts()
            if self._facts.topic_id and facts.topic_id and facts.topic_id != self._facts.topic_id:
                raise recreated(self._options.topic)
            low, high = questions.watermarks([partition])[partition]
            if trouble := misplaced(self._options.topic, partition, self._fetched[partition], low, high):
                raise trouble
