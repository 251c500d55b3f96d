"""Puts the records of a made-up desk on their topic, at their pace, for ``tapeflow produce --kind`` and the demo.

Times of records are the moments at which they are due, so that a desk at a rate plays the part of a live one. The
writer's ``finish`` returns only when the broker has answered for each of them.
"""

import math
from collections.abc import Callable
from typing import Final

from jobs.produce.desk import DeskMarket, DeskRecord
from jobs.produce.kafka_writer import RecordWriter

__all__ = ["DeskSender"]

SLICE_S: Final = 0.01
AT_ONCE: Final = 5_000
DENSITY: Final = 100
"""Records per second of the desk's time where they are sent at once."""


class DeskSender:
    """``now_us`` gives the time in microseconds; a true ``wait`` ends the sending early."""

    def __init__(
        self,
        writer: RecordWriter,
        market: DeskMarket,
        encode: Callable[[DeskRecord], bytes],
        now_us: Callable[[], int],
        wait: Callable[[float], bool | None],
    ) -> None:
        self._writer = writer
        self._market = market
        self._encode = encode
        self._now_us = now_us
        self._wait = wait
        self.sent = 0

    def send_at(self, rate: float, seconds: float = math.inf, records: int | None = None) -> None:
        """``rate`` records a second, for so long or until so many."""
        begun_us = before_us = self._now_us()
        while records is None or self.sent < records:
            time_us = min(self._now_us(), begun_us + int(min(seconds, 1e9) * 1e6))
            due = int(rate * (time_us - begun_us) / 1e6)
            count = (due if records is None else min(due, records)) - self.sent
            if count > 0:
                self._send(count, before_us, time_us - before_us)
                before_us = time_us
            if time_us - begun_us >= seconds * 1e6 or self._wait(SLICE_S):
                return

    def send_at_once(self, records: int) -> None:
        """So many records, the last of them now."""
        span_us = records * 1_000_000 // DENSITY
        begun_us = self._now_us() - span_us
        while self.sent < records:
            count = min(AT_ONCE, records - self.sent)
            self._send(count, begun_us + self.sent * 1_000_000 // DENSITY, count * 1_000_000 // DENSITY)

    def _send(self, count: int, start_us: int, span_us: int) -> None:
        made = self._market.take(count, start_us, span_us)
        self._writer.send([self._encode(record) for record in made], [record.key.encode() for record in made])
        self.sent += count
