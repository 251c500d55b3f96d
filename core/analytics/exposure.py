"""A desk's exposure of one partition: totals and levels from the newest states, as they change and by the minute.

flows.analytics_step hands in batches and gives on what comes out. A record is the state of one symbol, provider and
book, never a difference: the last by offset holds. What is told of a moment is a function of the log up to a record:
time is the greatest event time so far, so no record is late. Utilisation is the gross total against the limit; a level
is left only below a lower bound of its own, so that a value that swings around a bound doesn't flap.
"""

from typing import Final

from core.analytics.alerts import exposure_alert
from core.analytics.exposure_book import ExposureBook
from core.analytics.exposure_messages import change_data, minute_data
from core.analytics.order import announced_order, ended_order, passed_order
from core.analytics.output import DeskOutput
from core.analytics.passing import Passing
from core.analytics.rules import DeskRules
from kernels.decimal_text import from_pair
from schemas.alert_states import OPEN, RESOLVED
from schemas.channels import CHANNEL_TYPES, STATS_TYPES
from schemas.columns import TradeRow
from schemas.contract import first_sequence
from schemas.desk import WINDOWS, DeskBatch, DeskEntry, ExposureRow

__all__ = ["LEVELS", "ExposureDesk", "ExposureOutput", "next_level"]

CHANNEL: Final = "exposure-updates"
CHANGE: Final = CHANNEL_TYPES[CHANNEL]
STATS: Final = STATS_TYPES[CHANNEL]
MINUTE: Final = 1
LENGTH_US: Final = WINDOWS[MINUTE].length_us
LEVELS: Final = ("unknown", "normal", "warning", "critical")
ExposureOutput = DeskOutput[ExposureRow]


class ExposureDesk:
    """``partition`` is known from the first batch on. ``limit``: as records last told it, else by the rules."""

    def __init__(self, rules: DeskRules, partition: int = -1) -> None:
        self.rules = rules
        self.partition = partition
        self.next_offset = 0
        self.passing = Passing(rules.exposures_passed_per_second)
        self.book = ExposureBook()
        self.limit = rules.exposure_limit
        self.level = LEVELS[0]
        self.now_us = -1
        """The greatest event time so far."""
        self.version = -1
        """Sequence of the last record in the minute of ``now_us``."""
        self.held_us = dict.fromkeys(LEVELS, 0)
        """For how long of that minute each level was held."""
        self.alert = ("", "")
        """Level and id of the alert that is open, if any."""
        self.is_minute_told = True
        self.is_change_told = True
        """Whether nothing happened since the minute, or the totals, went out."""

    def apply(self, batch: DeskBatch) -> ExposureOutput:
        """Take the next records of the partition."""
        self.partition = batch.partition
        out = ExposureOutput()
        passes = self.passing.take(batch.rows)
        for index, row in enumerate(batch.rows):
            sequence = self._sequence(int(row["offset"]))
            ended = self._move_to(int(row["event_time_us"]), sequence)
            is_new_level = self._set(batch, row)
            if is_new_level:
                self._alert(out, int(row["offset"]))
            self.version = sequence
            self.is_minute_told = self.is_change_told = False
            if passes[index] or is_new_level:
                out.entries.append(self._change(passed_order(sequence)))
            out.entries.extend(ended.entries)
            out.rows.extend(ended.rows)
        self.next_offset = batch.next_offset
        return out

    def announce(self, until_us: int) -> ExposureOutput:
        """The newest totals, and the minute if it ended until then by the clock; what is held doesn't change."""
        out = ExposureOutput()
        sequence = self._sequence(self.next_offset - 1)
        if not self.is_change_told:
            out.entries.append(self._change(announced_order(sequence, 0, 0, 0)))
        end_us = self._minute_us() + LENGTH_US
        if not self.is_minute_told and end_us <= until_us:
            self._publish_minute(out, end_us, announced_order(sequence, end_us, MINUTE, 0))
        return out

    def next_end_us(self) -> int | None:
        """When the clock may have something to announce next; None for nothing."""
        if not self.is_change_told:
            return 0
        return None if self.is_minute_told else self._minute_us() + LENGTH_US

    def _move_to(self, time_us: int, sequence: int) -> ExposureOutput:
        """Time goes on to a record's, if it is later: the level was held meanwhile, and a minute may have ended."""
        out = ExposureOutput()
        if time_us <= self.now_us:
            return out
        minute_us = time_us - time_us % LENGTH_US
        if minute_us > self._minute_us():
            end_us = self._minute_us() + LENGTH_US
            if not self.is_minute_told:
                self._publish_minute(out, end_us, ended_order(sequence, end_us, MINUTE, 0))
            self.book.take_peaks()
            self.held_us = dict.fromkeys(LEVELS, 0)
            self.is_minute_told = True
            self.now_us = minute_us
        self.held_us[self.level] += time_us - self.now_us
        self.now_us = time_us
        return out

    def _set(self, batch: DeskBatch, row: TradeRow) -> bool:
        """Take a record's state; whether the level is another now."""
        words = batch.words
        state = (words[row["symbol"]], words[row["lp"]], words[row["book"]])
        self.book.set(state, from_pair(int(row["exposure_hi"]), int(row["exposure_lo"])))
        if row["has_limit"]:
            self.limit = from_pair(int(row["limit_hi"]), int(row["limit_lo"]))
        before, self.level = self.level, next_level(self.level, self.book.total().gross, self.limit, self.rules)
        return self.level != before

    def _alert(self, out: ExposureOutput, offset: int) -> None:
        """A level was entered: what is open is over, and a level above normal opens another."""
        gross, limit = self.book.total().gross, self.limit or 0
        if self.alert[0]:
            out.alerts.append(exposure_alert(*self.alert, RESOLVED, self.now_us, gross, limit))
            self.alert = ("", "")
        if self.level in ("warning", "critical"):
            self.alert = (self.level, f"exposure:total:{self.level}:{self.partition}-{offset}")
            out.alerts.append(exposure_alert(*self.alert, OPEN, self.now_us, gross, limit))

    def _change(self, order: str) -> DeskEntry:
        self.is_change_told = True
        return DeskEntry(order, CHANNEL, CHANGE, change_data(self.book, self.limit, self.level), self.now_us // 1000)

    def _publish_minute(self, out: ExposureOutput, end_us: int, order: str) -> None:
        """The minute as if what is held now had been held to its end."""
        held_us = {**self.held_us, self.level: self.held_us[self.level] + end_us - self.now_us}
        start_us = end_us - LENGTH_US
        warning_us, critical_us = held_us["warning"], held_us["critical"]
        out.rows.extend(
            ExposureRow(
                start_us, scope, name, self.partition, total.net, total.gross, total.peak, self.limit or 0,
                warning_us, critical_us, self.version,
            )
            for (scope, name), total in self.book.all_totals()
        )  # fmt: skip
        head = {"startTime": start_us // 1000, "partition": self.partition, "sequence": self.version}
        data = minute_data(head, self.book.total(), self.limit, warning_us, critical_us)
        out.entries.append(DeskEntry(order, CHANNEL, STATS, data, end_us // 1000))
        self.is_minute_told = True

    def _minute_us(self) -> int:
        return self.now_us - self.now_us % LENGTH_US

    def _sequence(self, offset: int) -> int:
        return first_sequence(self.rules.source_epoch) + offset


def next_level(level: str, gross: int, limit: int | None, rules: DeskRules) -> str:
    """The level that a gross total has after ``level``; ``unknown`` without a limit."""
    if not limit or limit < 0:
        return "unknown"

    def reaches(percent: int) -> bool:
        return gross * 100 >= limit * percent

    if reaches(rules.critical_percent) or (level == "critical" and reaches(rules.critical_clear_percent)):
        return "critical"
    is_above = level in ("warning", "critical") and reaches(rules.warning_clear_percent)
    return "warning" if is_above or reaches(rules.warning_percent) else "normal"
