"""Which records of a desk go out one by one: the first ones of each second of the log.

Desks ask for each batch. A second is one of record timestamps, of event times where a record has none, and never goes
back; so the choice is a function of the log alone, and what goes out in a second of a live desk is bounded.
"""

import numpy as np

from schemas.columns import NO_TIMESTAMP, Mask, Rows

__all__ = ["Passing"]


class Passing:
    """``second``: the last one met, of which ``count`` records have been met."""

    def __init__(self, per_second: int, second: int = -1, count: int = 0) -> None:
        self._per_second = per_second
        self.second = second
        self.count = count

    def take(self, rows: Rows) -> Mask:
        """For each of the next rows of the partition whether it passes."""
        if not len(rows):
            return np.empty(0, np.bool_)
        no_stamp = rows["timestamp_ms"] == NO_TIMESTAMP
        times_ms = np.where(no_stamp, rows["event_time_us"] // 1000, rows["timestamp_ms"])
        seconds = np.maximum.accumulate(np.maximum(times_ms // 1000, self.second))
        ranks = np.arange(len(rows)) - np.searchsorted(seconds, seconds)
        ranks[seconds == self.second] += self.count
        self.second, self.count = int(seconds[-1]), int(ranks[-1]) + 1
        passes: Mask = ranks < self._per_second
        return passes
