"""The watermark of a desk's partition, from data alone, in whole seconds; batches are cut where it rises.

A record is judged by the watermark before it (docs/adr/0003-watermark-from-data.md), and what ends by it is published
right behind the record that raised it. So what goes out, and in which order, is the same whatever the batch cut. Steps
of a second keep the parts large; every window is a whole number of them.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from schemas.columns import Longs

__all__ = ["STEP_US", "LogTime", "Stretch"]

STEP_US: Final = 1_000_000


class Stretch(NamedTuple):
    """Rows ``first`` to ``end`` of a batch, judged by ``watermark_us``. ``rises``: the last one raises it."""

    first: int
    end: int
    watermark_us: int
    rises: bool


class LogTime:
    """newest_us: the greatest event time so far, -1 before any."""

    def __init__(self, out_of_order_us: int, newest_us: int = -1) -> None:
        self._out_of_order_us = out_of_order_us
        self.newest_us = newest_us

    @property
    def watermark_us(self) -> int:
        """No record older than this is expected."""
        return (self.newest_us - self._out_of_order_us) // STEP_US * STEP_US

    def stretches(self, times_us: Longs) -> Iterator[Stretch]:
        """The batch in parts of one watermark; when the next is asked for, or there is none, time has moved on."""
        if not len(times_us):
            return
        newest = np.maximum.accumulate(np.maximum(times_us, self.newest_us))
        steps = (newest - self._out_of_order_us) // STEP_US
        before = np.concatenate([[self.watermark_us // STEP_US], steps[:-1]])
        ends = (np.flatnonzero(steps > before) + 1).tolist()
        first = 0
        for end in ends:
            watermark_us = self.watermark_us
            self.newest_us = int(newest[end - 1])
            yield Stretch(first, end, watermark_us, rises=True)
            first = end
        if first < len(times_us):
            self.newest_us = int(newest[-1])
            yield Stretch(first, len(times_us), self.watermark_us, rises=False)
