"""Mutants of a desk's figures, of rules about prices, and of their oracles: wrong figures, alerts too many or few."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

WINDOWS: Final = "core/analytics/windows.py"
ROUTING: Final = "core/analytics/routing.py"
LP: Final = "core/analytics/lp.py"
EXPOSURE: Final = "core/analytics/exposure.py"
BOOK: Final = "core/analytics/exposure_book.py"
PASSING: Final = "core/analytics/passing.py"
SKETCH: Final = "core/analytics/sketch.py"
LOG_TIME: Final = "core/analytics/log_time.py"
RULES: Final = "core/alerts/rule_book.py"
ORACLE_DESK: Final = "oracle/desk.py"
ORACLE_LP_ALERTS: Final = "oracle/desk_lp_alerts.py"
ORACLE_ROWS: Final = "oracle/desk_rows.py"
COMPARISON: Final = "oracle/rows.py"

MUTANTS: Final = (
    Mutant(
        "desk-window-late-at-the-bound",
        WINDOWS,
        "return starts_us > self._oldest_us(watermark_us)",
        "return starts_us >= self._oldest_us(watermark_us)",
        "a record that is exactly too late counts",
    ),
    Mutant(
        "desk-window-revision-at-its-end",
        WINDOWS,
        "if self.end_us(window) <= watermark_us:",
        "if self.end_us(window) < watermark_us:",
        "a window's revision is one too low",
    ),
    Mutant(
        "desk-window-ends-late",
        WINDOWS,
        "if self.end_us(window) > watermark_us:",
        "if self.end_us(window) >= watermark_us:",
        "a window goes out a second late",
    ),
    Mutant(
        "desk-window-told-again",
        WINDOWS,
        "window.changed = set()",
        "window.changed = set(window.changed)",
        "what hasn't changed goes out again and again",
    ),
    Mutant(
        "desk-favourable-zero",
        ROUTING,
        "(slippage < 0)",
        "(slippage <= 0)",
        "a decision without slippage counts as favourable",
    ),
    Mutant(
        "desk-longest-execution",
        ROUTING,
        'max(cell.execution_us_max, columns["execution_us_max"][index])',
        'columns["execution_us_max"][index]',
        "the longest execution time is that of the last batch",
    ),
    Mutant(
        "desk-sampled-of-other-windows",
        ROUTING,
        "held_back & (starts == start_us)",
        "held_back",
        "a window says that decisions of others didn't go out",
    ),
    Mutant(
        "desk-silent-at-the-bound",
        LP,
        "if lp not in self.silent and time_us - last[0] >= silence_us:",
        "if lp not in self.silent and time_us - last[0] > silence_us:",
        "a provider that was silent for the bound exactly has no alert",
    ),
    Mutant(
        "desk-back-for-the-bound",
        LP,
        "time_us - is_down[2] >= silence_us",
        "time_us - is_down[2] > silence_us",
        "an alert of a status ends a record late",
    ),
    Mutant(
        "desk-older-record-is-the-newest",
        LP,
        "self.last[lp] = max(last, place)",
        "self.last[lp] = place",
        "a late record makes a provider silent that isn't",
    ),
    Mutant(
        "desk-rejects-of-records",
        LP,
        "cell.rejects_sum += quotes * ",
        "cell.rejects_sum += 1 * ",
        "the reject rate is a mean of ratios",
    ),
    Mutant(
        "desk-up-beyond-the-bound",
        LP,
        "up_us += min(until_us, time_us) - from_us",
        "up_us += time_us - from_us",
        "a silent provider counts as up",
    ),
    Mutant(
        "desk-level-at-the-bound",
        EXPOSURE,
        "return gross * 100 >= limit * percent",
        "return gross * 100 > limit * percent",
        "no alert at exactly 90 %",
    ),
    Mutant(
        "desk-level-flaps",
        EXPOSURE,
        'is_above = level in ("warning", "critical") and reaches(rules.warning_clear_percent)',
        'is_above = level == "critical" and reaches(rules.warning_clear_percent)',
        "a value that swings around 75 % has an alert each time",
    ),
    Mutant(
        "desk-time-of-a-level",
        EXPOSURE,
        "self.held_us[self.level] += time_us - self.now_us",
        "self.held_us[self.level] = time_us - self.now_us",
        "the seconds above a bound are those since the last record",
    ),
    Mutant(
        "desk-gross-of-changes",
        BOOK,
        "gross + abs(amount) - abs(before)",
        "gross + abs(amount - before)",
        "the gross total only grows",
    ),
    Mutant(
        "desk-peak-is-the-last",
        BOOK,
        "self.peaks[key] = max(self.peaks.get(key, gross), self.gross[key])",
        "self.peaks[key] = self.gross[key]",
        "a peak within a minute is missed",
    ),
    Mutant(
        "desk-one-passes-too-many",
        PASSING,
        "ranks < self._per_second",
        "ranks <= self._per_second",
        "more goes out than a client takes",
    ),
    Mutant(
        "desk-second-begins-anew",
        PASSING,
        "ranks[seconds == self.second] += self.count",
        "ranks[seconds == self.second] += 0",
        "what goes out depends on how the log is cut",
    ),
    Mutant(
        "desk-percentile-rank",
        SKETCH,
        "(total * percent + 99) // 100",
        "total * percent // 100",
        "a percentile of few values is too low",
    ),
    Mutant(
        "desk-negative-buckets",
        SKETCH,
        "np.where(values < 0, -buckets, buckets)",
        "np.where(values < 0, buckets, buckets)",
        "slippage in the client's favour counts as adverse",
    ),
    Mutant(
        "desk-watermark-of-the-batch",
        LOG_TIME,
        "steps > before",
        "steps >= before",
        "a window goes out at another record when batches are cut otherwise",
    ),
    Mutant(
        "rules-held-in-order",
        RULES,
        "key=lambda each: (-each.at, each.id)",
        "key=lambda each: (each.at, each.id)",
        "after a crash a rule misses trades, or fires again",
    ),
    Mutant(
        "rules-restored-too-early",
        RULES,
        "if each.at <= sequence]",
        "if each.at <= sequence + 1]",
        "after a crash a rule fires again at a trade that it met",
    ),
    Mutant(
        "rules-moves-of-who-went",
        RULES,
        "~np.isin(self._moved[:count], gone)",
        "np.isin(self._moved[:count], gone)",
        "the armed log brings back a rule that was taken back",
    ),
    Mutant(
        "rules-replaced-and-held",
        RULES,
        "if each.id not in wanted]",
        "if each.id in wanted]",
        "a rule that was taken back comes in again",
    ),
    Mutant(
        "oracle-desk-late-at-the-bound",
        ORACLE_DESK,
        "start_us + length_us + rules.lateness_us <= watermark_us",
        "start_us + length_us + rules.lateness_us < watermark_us",
        "the proof counts a decision that is exactly too late",
    ),
    Mutant(
        "oracle-desk-percentile",
        ORACLE_DESK,
        "-(-len(ordered) * percent // 100)",
        "len(ordered) * percent // 100",
        "the proof takes a percentile of few values too low",
    ),
    Mutant(
        "oracle-lp-alert-of-an-older-record",
        ORACLE_LP_ALERTS,
        "elif (each.event_time_us, each.offset) > (own.time_us, own.offset):",
        "elif each.offset > own.offset:",
        "the proof ends a silence by a record from before it",
    ),
    Mutant(
        "oracle-lp-alert-comes-and-goes",
        ORACLE_LP_ALERTS,
        "each.event_time_us - own.down_us >= rules.silence_us",
        "each.event_time_us - own.down_us > rules.silence_us",
        "the proof wants an alert of a status to last a record longer",
    ),
    Mutant(
        "oracle-rows-due",
        ORACLE_ROWS,
        "if second > (before - out_of_order_us) // SECOND_US:",
        "if second >= (before - out_of_order_us) // SECOND_US:",
        "the proof asks for a row that the flow still holds",
    ),
    Mutant(
        "oracle-rows-over",
        ORACLE_ROWS,
        "start_us + LENGTHS_US[MINUTE] <= watermark_us",
        "start_us + LENGTHS_US[MINUTE] < watermark_us",
        "the proof leaves out the last minute",
    ),
    Mutant(
        "oracle-rows-version-below-what-is-due",
        COMPARISON,
        "version >= row.due",
        "version <= row.due",
        "a row that was never revised is called open",
    ),
    Mutant(
        "oracle-rows-fields",
        COMPARISON,
        "if wanted != told:",
        "if not wanted and told:",
        "a wrong figure is called right",
    ),
)
