"""Windows of one length over a partition's event time: which is open, what is late, what goes out when.

What a window holds is up to its user: cells by key. A window ends when the watermark reaches its end, takes late
records for the lateness more, as revisions, and is forgotten then. It goes out when it has ended and again when it was
revised; the clock may announce it earlier (docs/adr/0005-wall-clock-publishes.md). What changed since it last went out
is known by key, so that only those cells are written again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.columns import Longs, Mask
from schemas.intervals import Interval

__all__ = ["Window", "Windows"]

K = TypeVar("K")
C = TypeVar("C")


@dataclass(slots=True)
class Window(Generic[K, C]):
    """``version``: sequence of the last record in it. ``revision``: records that came after its end.

    sampled: records in it that didn't go out one by one. changed: keys of cells that changed since it last went out.
    """

    start_us: int
    cells: dict[K, C] = field(default_factory=dict)
    version: int = -1
    revision: int = 0
    sampled: int = 0
    changed: set[K] = field(default_factory=set)


class Windows(Generic[K, C]):
    """All windows of one interval that may still change."""

    def __init__(self, interval: Interval, lateness_us: int, new_cell: Callable[[], C]) -> None:
        self.interval = interval
        self._lateness_us = lateness_us
        self.new_cell = new_cell
        self.held: dict[int, Window[K, C]] = {}

    def end_us(self, window: Window[K, C]) -> int:
        return window.start_us + self.interval.length_us

    def takes(self, starts_us: Longs, watermark_us: int) -> Mask:
        """Whether records of the windows that start then still count."""
        return starts_us > self._oldest_us(watermark_us)

    def takes_start(self, start_us: int, watermark_us: int) -> bool:
        """Likewise of one window."""
        return start_us > self._oldest_us(watermark_us)

    def add(self, start_us: int, key: K, records: int, version: int, watermark_us: int) -> C:
        """The cell to which so many records are added, the last of them of this ``version``."""
        window = self.held.get(start_us)
        if window is None:
            window = self.held[start_us] = Window(start_us)
        if self.end_us(window) <= watermark_us:
            window.revision += records
        window.version = max(window.version, version)
        window.changed.add(key)
        cell = window.cells.get(key)
        if cell is None:
            cell = window.cells[key] = self.new_cell()
        return cell

    def pop_ended(self, watermark_us: int) -> Iterator[Window[K, C]]:
        """Those that go out at this watermark, by start, with ``changed`` as it is then; forgets what is too old."""
        for start_us in sorted(self.held):
            window = self.held[start_us]
            if self.end_us(window) > watermark_us:
                break
            yield from self._publish(window)
            if start_us <= self._oldest_us(watermark_us):
                del self.held[start_us]

    def announce(self, until_us: int) -> Iterator[Window[K, C]]:
        """Those that ended until then by the clock and changed since they last went out; none is forgotten."""
        for start_us in sorted(self.held):
            if start_us + self.interval.length_us <= until_us:
                yield from self._publish(self.held[start_us])

    def next_end_us(self) -> int | None:
        """The least end of those that the clock could announce."""
        ends = [self.end_us(window) for window in self.held.values() if window.changed]
        return min(ends, default=None)

    def _oldest_us(self, watermark_us: int) -> int:
        """Start of the last window that takes nothing any more, or later."""
        return watermark_us - self._lateness_us - self.interval.length_us

    def _publish(self, window: Window[K, C]) -> Iterator[Window[K, C]]:
        if window.changed:
            yield window
            window.changed = set()
