"""What of a venue can't be used goes to its own topic, with the reason: feeds' dead letters.

The intake writes here: a frame that isn't what the venue documents, or a trade that no topic takes. A record's key is
the venue, its value the bytes as they came, its headers say venue, channel, reason and when it was received. The topic
is made when the first one comes. While the broker is away letters wait, and those that no room is left for are counted.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import structlog

from jobs.produce.kafka_writer import RecordWriter, ensure_topic
from runtime.settings.kafka import KafkaSettings
from schemas.errors import Unreachable
from schemas.names import feed_dead_letter_topic

__all__ = ["FeedLetters"]

WAITING_MAX: Final = 10_000
AGAIN_S: Final = 5.0
"""Until a broker that didn't answer is asked for the topic again."""


class Letter(NamedTuple):
    value: bytes
    channel: str
    reason: str
    received_us: int


class FeedLetters:
    """Of one ``venue``; ``written`` counts them, ``dropped`` those that nobody keeps. The topic is asked for beside the
    caller, who never waits for it. Raises as RecordWriter does."""

    def __init__(self, settings: KafkaSettings, venue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._venue = venue.encode()
        self._opening: Future[RecordWriter] | None = None
        self._waiting: deque[Letter] = deque()
        self._clock, self._again_s = clock, 0.0
        self.is_paused = False
        self.topic = feed_dead_letter_topic(settings.kafka_topic)
        self.written = self.dropped = 0

    def write(self, value: bytes, channel: str, reason: str, received_us: int) -> None:
        """Hand over one letter."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(Letter(value, channel, reason, received_us))
        else:
            if not self.dropped:
                structlog.get_logger().error("feed_letters_dropped", topic=self.topic, kept=WAITING_MAX)
            self.dropped += 1
        self.flush()

    def flush(self) -> None:
        """Hand over what waits, as soon as the topic is there and the broker answers."""
        if not self._waiting or self.is_paused or self._clock() < self._again_s:
            return
        if self._opening is None:
            self._opening = open_beside(self._open)
        if not self._opening.done():
            return
        try:
            writer = self._opening.result()
        except Unreachable:
            self._opening, self._again_s = None, self._clock() + AGAIN_S
            return
        while self._waiting:
            letter = self._waiting.popleft()
            headers: list[tuple[str, str | bytes | None]] = [
                ("venue", self._venue),
                ("channel", letter.channel.encode()),
                ("reason", letter.reason.encode()),
                ("received_us", str(letter.received_us).encode()),
            ]
            writer.send([letter.value], [self._venue], headers=headers)
            self.written += 1

    def finish(self) -> None:
        """Wait until the broker has answered for each."""
        self.is_paused, self._again_s = False, 0.0
        self.flush()
        if self._opening is not None:
            writer = self._opening.result()
            self.flush()
            writer.finish()

    def _open(self) -> RecordWriter:
        place, properties = self._settings.kafka_bootstrap, self._settings.kafka_properties
        ensure_topic(place, self.topic, 1, properties)
        return RecordWriter(place, self.topic, properties)


def open_beside(make: Callable[[], RecordWriter]) -> "Future[RecordWriter]":
    """What ``make`` gives, in a thread of its own."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="letters")
    opening = pool.submit(make)
    pool.shutdown(wait=False)
    return opening
