"""Mutants of oracle, on which every proof rests: it would call a right store wrong, or agree with a wrong one."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

TRUTH: Final = "oracle/truth.py"
COMPARISON: Final = "oracle/comparison.py"
VALUES: Final = "oracle/values.py"
RECORDS: Final = "oracle/records.py"
AVRO: Final = "oracle/avro.py"
IDS: Final = "oracle/ids.py"
READING: Final = ("tests/unit/oracle/test_records.py", "tests/unit/oracle/test_avro.py")
"""Of single values too."""

MUTANTS: Final = (
    Mutant(
        "oracle-late-at-the-bound",
        TRUTH,
        "end_us + lateness_us <= newest_us",
        "end_us + lateness_us < newest_us",
        "a trade that is exactly too late counts",
    ),
    Mutant(
        "oracle-revision-at-the-end",
        TRUTH,
        "ended = newest_us is not None and end_us <= newest_us",
        "ended = newest_us is not None and end_us < newest_us",
        "a revision is missing",
    ),
    Mutant(
        "oracle-final-at-its-end",
        TRUTH,
        "final=watermark_us >= bar.end_us",
        "final=watermark_us > bar.end_us",
        "a bar that the watermark meets exactly isn't compared",
    ),
    Mutant(
        "oracle-span",
        TRUTH,
        "abs(time_us - remembered[1]) < self._span_us",
        "abs(time_us - remembered[1]) <= self._span_us",
        "another trade with an id again is dropped",
    ),
    Mutant(
        "oracle-unjudged",
        TRUTH,
        "could_be_forgotten = time_us <= self",
        "could_be_forgotten = time_us < self",
        "a trade that may be a duplicate counts as judged",
    ),
    Mutant(
        "oracle-vwap-ties-up",
        TRUTH,
        "(quote_volume / volume).quantize(SCALE_10, ROUND_HALF_EVEN)",
        "(quote_volume / volume).quantize(SCALE_10, 'ROUND_HALF_UP')",
        "a vwap between two units is rounded up",
    ),
    Mutant(
        "oracle-deviation",
        TRUTH,
        "(isqrt(4 * spread) + count) // (2 * count)",
        "isqrt(4 * spread) // (2 * count)",
        "a deviation is rounded down",
    ),
    Mutant(
        "oracle-buys",
        TRUTH,
        'if trade.side == "BUY"',
        'if trade.side != "SELL"',
        "trades of an unknown side count as buys",
    ),
    Mutant(
        "oracle-version",
        TRUTH,
        "version=sequence_of(trades[-1], source_epoch)",
        "version=sequence_of(ordered[-1], source_epoch)",
        "a bar's version is that of its close",
    ),
    Mutant(
        "oracle-order-by-text",
        TRUTH,
        "key=lambda trade: (trade.event_time_us, trade.id_number, trade.offset)",
        "key=lambda trade: (trade.event_time_us, trade.trade_id, trade.offset)",
        "ids are ordered as text",
    ),
    Mutant(
        "oracle-previous-close",
        TRUTH,
        "by_day[-2].close if len(by_day) > 1",
        "by_day[0].close if len(by_day) > 1",
        "the previous close is that of the first day",
    ),
    Mutant(
        "oracle-percent-ties-up",
        TRUTH,
        "quantize(SCALE_4, ROUND_HALF_EVEN)",
        "quantize(SCALE_4, 'ROUND_HALF_UP')",
        "a percentage between two digits is rounded up",
    ),
    Mutant(
        "oracle-ticker-time",
        TRUTH,
        "max(trade.event_time_us for trade in trades)",
        "trades[-1].event_time_us",
        "a ticker's time goes back",
    ),
    Mutant(
        "oracle-epoch",
        TRUTH,
        "source_epoch * 2**44",
        "source_epoch * 2**43",
        "versions of a topic that was made anew are wrong",
    ),
    Mutant(
        "compare-left-edge",
        COMPARISON,
        "from_us <= self.left_us",
        "from_us < self.left_us",
        "a bar that the range cuts counts as wrong",
    ),
    Mutant(
        "compare-right-edge",
        COMPARISON,
        "version > self.last_sequence",
        "version >= self.last_sequence",
        "the last bar of a range isn't compared",
    ),
    Mutant(
        "compare-first-record",
        COMPARISON,
        "version < self.first_sequence",
        "version <= self.first_sequence",
        "a stored bar of the first record alone isn't compared",
    ),
    Mutant(
        "compare-open",
        COMPARISON,
        "there.version < bar.version",
        "there.version <= bar.version",
        "a bar that a clock closed isn't compared",
    ),
    Mutant(
        "compare-repaired",
        COMPARISON,
        "there is not None and there.version > bar.version",
        "there is not None and there.version >= bar.version",
        "a bar is compared with another that has late trades",
    ),
    Mutant(
        "compare-lower-partition",
        COMPARISON,
        "return bar.version, -bar.partition",
        "return bar.version, bar.partition",
        "of two equal bars the other one is expected",
    ),
    Mutant(
        "compare-all-fields",
        COMPARISON,
        "if expected != value:",
        "if expected != value and value is not None:",
        "a stored bar without a vwap counts as right",
    ),
    Mutant(
        "oracle-whole-digits",
        VALUES,
        "number.adjusted() < WHOLE_DIGITS_MAX and number",
        "number.adjusted() <= WHOLE_DIGITS_MAX and number",
        "10**18 counts as a price",
        READING,
    ),
    Mutant(
        "oracle-time-rounds-down",
        VALUES,
        "else ROUND_FLOOR",
        "else ROUND_HALF_EVEN",
        "a time in nanoseconds is rounded up",
        READING,
    ),
    Mutant(
        "oracle-auto-seconds",
        VALUES,
        '"s" if size < 10**11',
        '"s" if size <= 10**11',
        "a time is read in another unit",
        READING,
    ),
    Mutant(
        "oracle-maker-side",
        VALUES,
        "return TURNED[side] if maker else side",
        "return side",
        "sides of a venue that names the maker are the wrong way round",
        READING,
    ),
    Mutant(
        "oracle-future",
        RECORDS,
        "trade.event_time_us > trade.timestamp_ms * 1000 + future_us",
        "trade.event_time_us >= trade.timestamp_ms * 1000 + future_us",
        "a trade that is just not too far ahead is refused",
    ),
    Mutant(
        "oracle-year-2300",
        RECORDS,
        "trade.event_time_us >= YEAR_2300_US",
        "trade.event_time_us > YEAR_2300_US",
        "a trade of 2300 counts",
    ),
    Mutant(
        "oracle-requeued",
        RECORDS,
        "if trades and (partition, offset, timestamp_ms) in self._requeued:",
        "if trades and any(each[:2] == (partition, offset) for each in self._requeued):",
        "a trade is refused for an old one at its offset",
    ),
    Mutant(
        "oracle-signed-size",
        RECORDS,
        '(trade.size > 0) == (words.side_of == "taker")',
        "trade.size > 0",
        "signed sizes of a maker's venue are the wrong way round",
    ),
    Mutant("oracle-zigzag", AVRO, "(number >> 1) ^ -(number & 1)", "number >> 1", "negative numbers are positive"),
    Mutant(
        "oracle-block-size",
        AVRO,
        "if count < 0:\n                self.long()",
        "if count < -1:\n                self.long()",
        "a block of one item that says its size is corrupt",
    ),
    Mutant(
        "oracle-long-of-65-bits",
        AVRO,
        "if number < 2**64:",
        "if number < 2**70:",
        "a number of more than 64 bits counts",
    ),
    Mutant(
        "oracle-negative-decimal",
        AVRO,
        'int.from_bytes(value, "big", signed=True)',
        'int.from_bytes(value, "big")',
        "negative decimals are enormous",
    ),
    Mutant(
        "oracle-id-with-a-fraction",
        IDS,
        "[ \\t]*([0-9]+)(?:\\.0*)?",
        "[ \\t]*([0-9]+)(?:\\.[0-9]*)?",
        "an id of 7.5 is the number 7",
        READING,
    ),
)
