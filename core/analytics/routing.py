"""A desk's routing decisions of one partition: what passes through, and figures by window, symbol, provider, decision.

flows.analytics_step hands in batches and gives on what comes out. Everything is a function of the log, whatever the
batch cut: messages, their order, the figures of each window. A decision counts in each window that still takes it; one
that comes too late for all still passes through. Of a second of the log, decisions beyond the limit don't pass through
one by one; windows say how many as ``sampled``.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from core.analytics.grouping import Groups, group_counts, group_rows, group_sums, wide_sums
from core.analytics.log_time import LogTime, Stretch
from core.analytics.order import announced_order, by_order, ended_order, passed_order
from core.analytics.output import DeskOutput
from core.analytics.passing import Passing
from core.analytics.routing_messages import Key, decision_data, stats_data
from core.analytics.routing_watch import RoutingWatch
from core.analytics.rules import DeskRules
from core.analytics.sketch import add_counts
from core.analytics.windows import Window, Windows
from schemas.channels import CHANNEL_TYPES, STATS_TYPES
from schemas.columns import Longs, Mask, Rows
from schemas.contract import first_sequence
from schemas.desk import WINDOWS, DeskBatch, DeskEntry, RoutingFigures, RoutingRow

__all__ = ["MINUTE", "STATS", "RoutingDesk", "RoutingOutput"]

CHANNEL: Final = "routing-metrics"
DECISION: Final = CHANNEL_TYPES[CHANNEL]
STATS: Final = STATS_TYPES[CHANNEL]
SECOND: Final = 0
MINUTE: Final = 1
"""The window whose rows go to ClickHouse, from which longer ones are added up there."""
RoutingWindow = Window[Key, RoutingFigures]
RoutingOutput = DeskOutput[RoutingRow]


class RoutingDesk:
    """``partition`` is known from the first batch on."""

    def __init__(self, rules: DeskRules, partition: int = -1) -> None:
        self.rules = rules
        self.partition = partition
        self.time = LogTime(rules.out_of_order_us)
        self.windows = tuple(Windows[Key, RoutingFigures](each, rules.lateness_us, RoutingFigures) for each in WINDOWS)
        self.next_offset = 0
        self.passing = Passing(rules.passed_per_second)
        self.watch = RoutingWatch(rules)

    def apply(self, batch: DeskBatch) -> RoutingOutput:
        """Take the next records of the partition."""
        self.partition = batch.partition
        out = RoutingOutput()
        passes = self.passing.take(batch.rows)
        for stretch in self.time.stretches(batch.rows["event_time_us"]):
            rows = batch.rows[stretch.first : stretch.end]
            passing = passes[stretch.first : stretch.end]
            out.entries.extend(self._pass_through(batch, rows[passing]))
            out.late += self._count(batch, rows, ~passing, stretch)
            if stretch.rises:
                self._judge(out, stretch.watermark_us)
                self._end(out, self._sequence(int(rows["offset"][-1])))
        self.next_offset = batch.next_offset
        return out

    def announce(self, until_us: int) -> RoutingOutput:
        """What has ended until then by the clock; the state of the figures doesn't change."""
        out = RoutingOutput()
        sequence = self._sequence(self.next_offset - 1)
        for number, windows in enumerate(self.windows):
            for window in windows.announce(until_us):
                self._publish(out, number, window, announced_order, sequence)
        out.entries.sort(key=by_order)
        return out

    def next_end_us(self) -> int | None:
        """When the clock may have something to announce next; None for nothing."""
        ends = [end_us for windows in self.windows if (end_us := windows.next_end_us()) is not None]
        return min(ends, default=None)

    def _pass_through(self, batch: DeskBatch, rows: Rows) -> Iterator[DeskEntry]:
        words = batch.words
        for row in rows:
            symbol = words[row["symbol"]]
            data = decision_data(row, symbol, words[row["lp"]], words[row["decision"]])
            order = passed_order(self._sequence(int(row["offset"])))
            yield DeskEntry(order, CHANNEL, DECISION, data, int(row["event_time_us"]) // 1000, (symbol,))

    def _count(self, batch: DeskBatch, rows: Rows, held_back: Mask, stretch: Stretch) -> int:
        """Add the rows to the windows that take them; the number of those that none took."""
        taken = np.zeros(len(rows), np.bool_)
        for number, windows in enumerate(self.windows):
            starts = rows["event_time_us"] // windows.interval.length_us * windows.interval.length_us
            takes = windows.takes(starts, stretch.watermark_us)
            if takes.any():
                self._add(batch, windows, number, (rows[takes], starts[takes], held_back[takes]), stretch.watermark_us)
            taken |= takes
        return int(np.count_nonzero(~taken))

    def _add(
        self,
        batch: DeskBatch,
        windows: Windows[Key, RoutingFigures],
        number: int,
        taken: tuple[Rows, Longs, Mask],
        watermark_us: int,
    ) -> None:
        rows, starts, held_back = taken
        # Nobody asks for a symbol's single seconds, and there would be many.
        symbols = np.zeros(len(rows), np.int64) if number == SECOND else rows["symbol"]
        groups = group_rows(rows["decision"], rows["lp"], symbols, starts)
        columns = _columns(groups, rows)
        words = batch.words
        for index, leader in enumerate(groups.leaders):
            row, start_us = rows[leader], int(starts[leader])
            symbol = "" if number == SECOND else words[row["symbol"]]
            key = (symbol, words[row["lp"]], words[row["decision"]])
            version = self._sequence(columns["offset"][index])
            cell = windows.add(start_us, key, columns["count"][index], version, watermark_us)
            cell.version = max(cell.version, version)
            cell.count += columns["count"][index]
            cell.volume += columns["volume"][index]
            cell.spread_sum += columns["spread_sum"][index]
            cell.slippage_sum += columns["slippage_sum"][index]
            cell.execution_us_sum += columns["execution_us_sum"][index]
            cell.execution_us_max = max(cell.execution_us_max, columns["execution_us_max"][index])
            cell.favourable += columns["favourable"][index]
            cell.adverse += columns["adverse"][index]
            add_counts(cell.execution, columns["execution"][index])
            add_counts(cell.spread, columns["spread"][index])
            add_counts(cell.slippage, columns["slippage"][index])
        for start_us in np.unique(starts[held_back]).tolist():
            windows.held[start_us].sampled += int(np.count_nonzero(held_back & (starts == start_us)))

    def _judge(self, out: RoutingOutput, watermark_us: int) -> None:
        """Alerts of the minutes that ended since the watermark was this."""
        minutes = self.windows[MINUTE]
        for _, window in sorted(minutes.held.items()):
            if watermark_us < (end_us := minutes.end_us(window)) <= self.time.watermark_us:
                out.alerts.extend(self.watch.judge(window, end_us, self.partition))

    def _end(self, out: RoutingOutput, sequence: int) -> None:
        """Publish what the watermark has ended."""
        ended = RoutingOutput(rows=out.rows)
        for number, windows in enumerate(self.windows):
            for window in windows.pop_ended(self.time.watermark_us):
                self._publish(ended, number, window, ended_order, sequence)
        out.entries.extend(sorted(ended.entries, key=by_order))

    def _publish(self, out: RoutingOutput, number: int, window: RoutingWindow, order: Any, sequence: int) -> None:
        interval = self.windows[number].interval
        end_us = window.start_us + interval.length_us
        head = {
            "interval": interval.name,
            "startTime": window.start_us // 1000,
            "partition": self.partition,
            "sequence": window.version,
            "revision": window.revision,
            "sampled": window.sampled,
        }
        cells = window.cells.items()
        changed = {symbol for symbol, _, _ in window.changed} | {""}
        symbols = {symbol for symbol, _, _ in window.cells} | {""}
        for count, symbol in enumerate(sorted(symbols)):  # all are counted, so that a number means the same each time
            if symbol not in changed:
                continue
            out.entries.append(
                DeskEntry(
                    order(sequence, end_us, number, count), CHANNEL, STATS, stats_data(head, cells, symbol),
                    end_us // 1000, (symbol,) if symbol else (),
                )
            )  # fmt: skip
        if number == MINUTE:
            out.rows.extend(
                RoutingRow(window.start_us, *key, self.partition, window.cells[key].copy())
                for key in sorted(window.changed)
            )

    def _sequence(self, offset: int) -> int:
        return first_sequence(self.rules.source_epoch) + offset


def _columns(groups: Groups, rows: Rows) -> dict[str, list[Any]]:
    """Figures of each group, and the offset of its last row."""
    slippage = rows["slippage"]
    return {
        "count": groups.sizes,
        "offset": rows["offset"][groups.lasts].tolist(),
        "volume": wide_sums(groups, rows["volume_hi"], rows["volume_lo"]),
        "spread_sum": group_sums(groups, rows["spread"]),
        "slippage_sum": group_sums(groups, slippage),
        "execution_us_sum": group_sums(groups, rows["execution_us"]),
        "execution_us_max": np.maximum.reduceat(rows["execution_us"][groups.order], groups.firsts).tolist(),
        "favourable": group_sums(groups, (slippage < 0).astype(np.int64)),
        "adverse": group_sums(groups, (slippage > 0).astype(np.int64)),
        "execution": group_counts(groups, rows["execution_us"]),
        "spread": group_counts(groups, rows["spread"]),
        "slippage": group_counts(groups, slippage),
    }
