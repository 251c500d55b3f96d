"""Providers' figures of one partition: what passes through, and windows by provider with uptime from status changes.

flows.analytics_step hands in batches and gives on what comes out. Everything is a function of the log, whatever the
batch cut. A status holds from its record to the next one in event time, and for the silence bound at most; then the
provider is silent, and not up. So a record touches each window that its bound reaches into. Providers send a few
records a second, so they are taken one by one.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Any, Final

from core.analytics.alerts import silent_alert, status_alert
from core.analytics.log_time import LogTime
from core.analytics.lp_messages import lp_stats_data, metrics_data
from core.analytics.order import announced_order, by_order, ended_order, passed_order
from core.analytics.output import DeskOutput
from core.analytics.passing import Passing
from core.analytics.rules import DeskRules
from core.analytics.sketch import buckets_of
from core.analytics.windows import Window, Windows
from schemas.alert_states import OPEN, RESOLVED
from schemas.channels import CHANNEL_TYPES, STATS_TYPES
from schemas.columns import TradeRow
from schemas.contract import first_sequence
from schemas.desk import WINDOWS, DeskBatch, DeskEntry, LpFigures, LpRow

__all__ = ["LpDesk", "LpOutput", "up_and_changes"]

CHANNEL: Final = "lp-performance"
METRICS: Final = CHANNEL_TYPES[CHANNEL]
STATS: Final = STATS_TYPES[CHANNEL]
OWN_WINDOWS: Final = WINDOWS[1:]
MINUTE: Final = 0
LpOutput = DeskOutput[LpRow]
Point = tuple[int, int, str]
"""Event time, offset, status."""


class LpDesk:
    """``partition`` is known from the first batch on."""

    def __init__(self, rules: DeskRules, partition: int = -1) -> None:
        self.rules = rules
        self.partition = partition
        self.time = LogTime(rules.out_of_order_us)
        self.windows = tuple(Windows[str, LpFigures](each, rules.lateness_us, LpFigures) for each in OWN_WINDOWS)
        self.next_offset = 0
        self.passing = Passing(rules.passed_per_second)
        self.points: dict[str, list[Point]] = {}
        """By provider, in order, as far back as a window may ask for them."""
        self.statuses: dict[str, str] = {}
        """Of each provider, as its last record in the log says."""
        self.last: dict[str, tuple[int, int]] = {}
        """Event time and offset of each provider's newest record."""
        self.down: dict[str, tuple[str, str, int]] = {}
        """Of providers whose alert of a status is open: its id, the status, when it was last so."""
        self.silent: dict[str, str] = {}
        """Ids of open alerts of silence, by provider, those that the clock brought about included."""

    def apply(self, batch: DeskBatch) -> LpOutput:
        """Take the next records of the partition."""
        self.partition = batch.partition
        out = LpOutput()
        passes = self.passing.take(batch.rows)
        for stretch in self.time.stretches(batch.rows["event_time_us"]):
            for index in range(stretch.first, stretch.end):
                row = batch.rows[index]
                lp, status = batch.words[row["lp"]], batch.words[row["status"]]
                if passes[index] or self.statuses.get(lp) != status:
                    order = passed_order(self._sequence(int(row["offset"])))
                    time_ms = int(row["event_time_us"]) // 1000
                    out.entries.append(DeskEntry(order, CHANNEL, METRICS, metrics_data(row, lp, status), time_ms))
                self._watch(out, lp, status, (int(row["event_time_us"]), int(row["offset"])))
                self.statuses[lp] = status
                out.late += not self._count(row, lp, status, stretch.watermark_us)
            if stretch.rises:
                self._end(out, self._sequence(int(batch.rows["offset"][stretch.end - 1])))
        self.next_offset = batch.next_offset
        return out

    def announce(self, until_us: int) -> LpOutput:
        """What has ended until then by the clock; the state of the figures doesn't change."""
        out = LpOutput()
        sequence = self._sequence(self.next_offset - 1)
        for number, windows in enumerate(self.windows):
            for window in windows.announce(until_us):
                self._publish(out, number, window, announced_order, sequence)
        out.entries.sort(key=by_order)
        self._find_silent(out, until_us, "clock")
        return out

    def next_end_us(self) -> int | None:
        """When the clock may have something to announce next; None for nothing."""
        ends = [end_us for windows in self.windows if (end_us := windows.next_end_us()) is not None]
        ends += [time_us + self.rules.lp_silence_us for lp, (time_us, _) in self.last.items() if lp not in self.silent]
        return min(ends, default=None)

    def _watch(self, out: LpOutput, lp: str, status: str, place: tuple[int, int]) -> None:
        """Alerts that a record opens or ends."""
        time_us, offset = place
        silence_us = self.rules.lp_silence_us
        last = self.last.get(lp, place)
        if lp not in self.silent and time_us - last[0] >= silence_us:
            self._open_silent(out, lp, last, "log")
        is_newer = place > last or lp not in self.last
        if is_newer and (alert_id := self.silent.pop(lp, "")):
            out.alerts.append(silent_alert(lp, alert_id, RESOLVED, time_us, "log"))
        self.last[lp] = max(last, place)
        is_down = self.down.get(lp)
        if status not in self.rules.lp_up:
            if is_down is None:
                is_down = (f"lp:{lp}:{status}:{self.partition}-{offset}", status, time_us)
                out.alerts.append(status_alert(lp, status, is_down[0], OPEN, time_us))
            self.down[lp] = (*is_down[:2], time_us)
        elif is_down is not None and time_us - is_down[2] >= silence_us:
            # One that comes and goes has one alert: it ends when the provider has stayed.
            del self.down[lp]
            out.alerts.append(status_alert(lp, is_down[1], is_down[0], RESOLVED, time_us))

    def _find_silent(self, out: LpOutput, until_us: int, basis: str) -> None:
        """Alerts of providers of which nothing came for the bound until then."""
        for lp, place in sorted(self.last.items()):
            if lp not in self.silent and place[0] + self.rules.lp_silence_us <= until_us:
                self._open_silent(out, lp, place, basis)

    def _open_silent(self, out: LpOutput, lp: str, last: tuple[int, int], basis: str) -> None:
        self.silent[lp] = f"lp:{lp}:silent:{self.partition}-{last[1]}"
        since_us = last[0] + self.rules.lp_silence_us
        out.alerts.append(silent_alert(lp, self.silent[lp], OPEN, since_us, basis))

    def _count(self, row: TradeRow, lp: str, status: str, watermark_us: int) -> bool:
        """Add the record to the windows that take it; whether there is one in which it lies."""
        time_us, offset = int(row["event_time_us"]), int(row["offset"])
        insort(self.points.setdefault(lp, []), (time_us, offset, status))
        is_in_one = False
        for windows in self.windows:
            length_us = windows.interval.length_us
            own_us = time_us // length_us * length_us
            for start_us in range(own_us, time_us + self.rules.lp_silence_us, length_us):
                if not windows.takes_start(start_us, watermark_us):
                    continue
                cell = windows.add(start_us, lp, 1, self._sequence(offset), watermark_us)
                cell.version = max(cell.version, self._sequence(offset))
                if start_us == own_us:
                    _add_sample(cell, row, (time_us, offset, status))
                    is_in_one = True
        return is_in_one

    def _end(self, out: LpOutput, sequence: int) -> None:
        """Publish what the watermark has ended, and forget what no window can ask for any more."""
        ended = LpOutput(rows=out.rows)
        for number, windows in enumerate(self.windows):
            for window in windows.pop_ended(self.time.watermark_us):
                self._publish(ended, number, window, ended_order, sequence)
        out.entries.extend(sorted(ended.entries, key=by_order))
        self._find_silent(out, self.time.newest_us, "log")
        longest_us = OWN_WINDOWS[-1].length_us
        oldest_us = self.time.watermark_us - self.rules.lateness_us - longest_us - self.rules.lp_silence_us
        for points in self.points.values():
            del points[: bisect_left(points, (oldest_us, -1, ""))]

    def _publish(self, out: LpOutput, number: int, window: Window[str, LpFigures], order: Any, sequence: int) -> None:
        interval = self.windows[number].interval
        end_us = window.start_us + interval.length_us
        cells = dict(self._finished(window, end_us))
        head = {
            "interval": interval.name,
            "startTime": window.start_us // 1000,
            "partition": self.partition,
            "sequence": window.version,
            "revision": window.revision,
        }
        data = lp_stats_data(head, cells, interval.length_us)
        out.entries.append(DeskEntry(order(sequence, end_us, number + 1, 0), CHANNEL, STATS, data, end_us // 1000))
        if number == MINUTE:
            out.rows.extend(LpRow(window.start_us, lp, self.partition, cells[lp]) for lp in sorted(window.changed))

    def _finished(self, window: Window[str, LpFigures], end_us: int) -> Iterator[tuple[str, LpFigures]]:
        """Copies of the window's cells, with what follows from the status changes."""
        for lp, cell in sorted(window.cells.items()):
            figures = cell.copy()
            figures.up_us, figures.changes = up_and_changes(
                self.points[lp], window.start_us, end_us, self.rules.lp_silence_us, self.rules.lp_up
            )
            yield lp, figures

    def _sequence(self, offset: int) -> int:
        return first_sequence(self.rules.source_epoch) + offset


def up_and_changes(
    points: list[Point], start_us: int, end_us: int, silence_us: int, up: frozenset[str]
) -> tuple[int, int]:
    """For how long of ``[start, end)`` a provider was up, and how often its status changed, falling silent included.

    points: in order. Of several at one time the last counts.
    """
    first = bisect_left(points, (start_us - silence_us + 1, -1, ""))
    status, until_us, from_us, up_us, changes = "", start_us, start_us, 0, 0
    at = {time_us: each for time_us, _, each in points[first : bisect_left(points, (end_us, -1, ""))]}
    for time_us, each in [*at.items(), (end_us, "")]:
        if time_us < start_us:
            status, until_us = each, time_us + silence_us
            continue
        if status in up:
            up_us += min(until_us, time_us) - from_us
        if status and until_us < time_us:
            status, changes = "", changes + 1
        if time_us < end_us:
            changes += each != status
            status, until_us, from_us = each, time_us + silence_us, time_us
    return up_us, changes


def _add_sample(cell: LpFigures, row: TradeRow, point: Point) -> None:
    spread, latency_us, quotes = int(row["spread"]), int(row["latency_us"]), int(row["quotes"])
    cell.samples += 1
    cell.spread_sum += spread
    cell.quality_sum += int(row["quality"])
    cell.latency_us_sum += latency_us
    cell.latency_us_max = max(cell.latency_us_max, latency_us)
    cell.quotes_sum += quotes
    cell.rejects_sum += quotes * int(row["reject_rate"])
    if (point[0], point[1]) > cell.last_at:
        cell.last_at, cell.status = (point[0], point[1]), point[2]
    for counts, value in ((cell.spread, row["spread"]), (cell.latency, row["latency_us"])):
        bucket = int(buckets_of(value.reshape(1))[0])
        counts[bucket] = counts.get(bucket, 0) + 1
