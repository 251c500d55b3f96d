"""Mutants of core/bars: what a bar and a ticker say, when they are closed, revised and restored."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

STATE: Final = "core/bars/bar_state.py"
KERNEL: Final = "core/bars/shard_kernel.py"
SHARD: Final = "core/bars/shard.py"
SNAPSHOT: Final = "core/bars/snapshot.py"

ABOUT_SHARDS: Final = tuple(
    f"tests/unit/core/bars/test_{name}.py" for name in ("shard", "shard_kernel", "snapshot", "seen_ids")
)
"""The mirror of a loop is spread over those who run it."""

MUTANTS: Final = (
    Mutant(
        "bar-open-of-one-record",
        STATE,
        "if identity < (bar.open_id_upper",
        "if identity <= (bar.open_id_upper",
        "of two equal trades in one record the later one is the open",
    ),
    Mutant(
        "bar-close-of-one-record",
        STATE,
        "if identity >= (bar.close_id_upper",
        "if identity > (bar.close_id_upper",
        "of two equal trades in one record the earlier one is the close",
    ),
    Mutant(
        "bar-first-of-one-record",
        STATE,
        "if trade.offset < bar.first_offset",
        "if trade.offset <= bar.first_offset",
        "without ids, the open is the last trade of a record",
    ),
    Mutant(
        "bar-last-of-one-record",
        STATE,
        "if trade.offset >= bar.last_offset",
        "if trade.offset > bar.last_offset",
        "without ids, the close is the first trade of a record",
    ),
    Mutant(
        "bar-wide-high",
        STATE,
        "(price_hi == bar.high_hi and price_lo > bar.high_lo)",
        "price_lo > bar.high_lo",
        "above 2**64 units the high is compared by its low word",
    ),
    Mutant(
        "bar-wide-low",
        STATE,
        "(price_hi == bar.low_hi and price_lo < bar.low_lo)",
        "price_lo < bar.low_lo",
        "above 2**64 units the low is compared by its low word",
    ),
    Mutant(
        "bar-volume-carry",
        STATE,
        "bar.volume_hi += size_hi + (ONE if low < size_lo else ZERO)",
        "bar.volume_hi += size_hi",
        "a volume beyond 2**64 units loses 1.8 billion",
    ),
    Mutant(
        "bar-buy-volume-carry",
        STATE,
        "bar.buy_hi += size_hi + (ONE if low < size_lo else ZERO)",
        "bar.buy_hi += size_hi",
        "a buy volume beyond 2**64 units loses 1.8 billion",
    ),
    Mutant(
        "bar-sum-carry",
        STATE,
        "bar.sum_hi += np.uint64(price_hi) + (ONE if low < price_lo else ZERO)",
        "bar.sum_hi += np.uint64(price_hi)",
        "the deviation is wrong once the prices add up to 2**64 units",
    ),
    Mutant(
        "bar-ids-that-are-text",
        STATE,
        "bar.all_numeric = 0",
        "bar.all_numeric = 1",
        "ids that are no numbers order trades",
    ),
    Mutant(
        "bar-deviation-is-cut",
        STATE,
        "    hi, lo = increment128(hi, lo)\n    return hi >> ONE",
        "    return hi >> ONE",
        "the deviation is rounded down",
    ),
    Mutant(
        "bar-final-at-its-end",
        STATE,
        "row.final = 1 if bar.end_us <= watermark_us",
        "row.final = 1 if bar.end_us < watermark_us",
        "a bar that the watermark meets exactly is published as open",
    ),
    Mutant(
        "bar-final-by-the-clock",
        STATE,
        "or bar.closed == ANNOUNCED else 0",
        "else 0",
        "a bar that a quiet market's clock ended is published as open",
        ABOUT_SHARDS,
    ),
    Mutant(
        "late-at-the-bound",
        KERNEL,
        "if end + lateness_us[k] <= watermark_us",
        "if end + lateness_us[k] < watermark_us",
        "a trade that is exactly too late still changes a sealed bar",
        ABOUT_SHARDS,
    ),
    Mutant(
        "late-at-the-floor",
        KERNEL,
        "or end <= floors_us[1 + k]",
        "or end < floors_us[1 + k]",
        "after a change of rules a bar that was sealed at that moment begins anew, without its trades",
        ABOUT_SHARDS,
    ),
    Mutant(
        "revision-at-the-end",
        KERNEL,
        "elif end <= watermark_us:",
        "elif end < watermark_us:",
        "a final bar changes and keeps its revision",
        ABOUT_SHARDS,
    ),
    Mutant(
        "revised-at-the-end",
        KERNEL,
        "if end <= watermark_us or bar.closed == ANNOUNCED:",
        "if end < watermark_us or bar.closed == ANNOUNCED:",
        "a final bar changes and isn't published again",
        ABOUT_SHARDS,
    ),
    Mutant(
        "announced-bar-changes",
        KERNEL,
        "if end <= watermark_us or bar.closed == ANNOUNCED:",
        "if end <= watermark_us:",
        "a bar that the clock ended changes and isn't published again",
        ABOUT_SHARDS,
    ),
    Mutant(
        "duplicate-moves-the-watermark",
        KERNEL,
        "counts[DUPLICATE] += 1\n",
        "counts[DUPLICATE] += 1\n                max_event_time_us = max(max_event_time_us, time)\n",
        "a repeated trade closes bars",
        ABOUT_SHARDS,
    ),
    Mutant(
        "previous-close-is-corrected",
        KERNEL,
        "if state.previous_day_us <= start < state.day_start_us:",
        "if state.previous_day_us < start < state.day_start_us:",
        "a late trade of the day before doesn't move the previous close",
        ABOUT_SHARDS,
    ),
    Mutant(
        "ticker-time-goes-back",
        KERNEL,
        "max(state.event_time_us, trade.event_time_us)",
        "trade.event_time_us",
        "a ticker's time is that of an older trade",
        ABOUT_SHARDS,
    ),
    Mutant(
        "ticker-forgets-its-bid",
        KERNEL,
        "    if trade.has_bid:\n        state.has_bid = 1",
        "    if True:\n        state.has_bid = trade.has_bid",
        "a trade without a bid takes the last one away",
        ABOUT_SHARDS,
    ),
    Mutant(
        "ticker-keeps-its-day",
        KERNEL,
        "store_day(state, row)\n",
        "pass\n",
        "a ticker has yesterday's first figures once the day's bar is sealed",
        ABOUT_SHARDS,
    ),
    Mutant(
        "left-edge-of-a-whole-log",
        SHARD,
        "if (self.first_offset > 0 or is_anew)",
        "if (self.first_offset >= 0 or is_anew)",
        "bars of a log that was read from its beginning count as cut",
    ),
    Mutant(
        "left-edge-by-kafkas-time",
        SHARD,
        'max(int(batch.rows["event_time_us"][0]), int(batch.rows["timestamp_ms"][0]) * 1000)',
        'int(batch.rows["event_time_us"][0])',
        "bars that lack trades count as whole, where the first trade was late",
    ),
    Mutant(
        "published-again-at-offset-0",
        SHARD,
        'self.per_symbol["sequence"] >= 0',
        'self.per_symbol["sequence"] > 0',
        "a symbol whose only trade is the log's first is missing after Redis lost its data",
    ),
    Mutant(
        "announced-at-its-end",
        SHARD,
        '(rows["closed"] == OPEN) & (rows["end_us"] <= end_us_max)\n        slots',
        '(rows["closed"] == OPEN) & (rows["end_us"] < end_us_max)\n        slots',
        "a quiet market's bar stays open until the next look",
    ),
    Mutant(
        "announced-bar-is-live-again",
        SHARD,
        'slots[self.pool.rows["closed"][slots] == OPEN]',
        'slots[self.pool.rows["closed"][slots] != CLOSED]',
        "a bar that was final is sent as open",
    ),
    Mutant(
        "grown-pool-closes-late",
        SHARD,
        "    grown.registers[LEAST_DEADLINE] = old.registers[LEAST_DEADLINE]\n",
        "",
        "bars stay open once a shard has many symbols",
    ),
    Mutant(
        "second-change-of-rules",
        SNAPSHOT,
        "[max(pair) for pair in zip([watermark_us, *sealed_us], frozen.floors_us, strict=True)]",
        "[watermark_us, *sealed_us]",
        "a second change of rules opens bars that the first one had sealed",
    ),
    Mutant(
        "watermark-goes-back",
        SNAPSHOT,
        "max(frozen.max_event_time_us - frozen.out_of_order_us, frozen.floors_us[0])",
        "frozen.max_event_time_us - frozen.out_of_order_us",
        "a second change of rules opens bars that were final",
    ),
    Mutant(
        "revision-over-a-restart",
        SNAPSHOT,
        '    bars["pending"] = pool.pending[slots]\n',
        "",
        "a bar that a late trade changed just before a crash is never published",
    ),
    Mutant(
        "change-over-a-restart",
        SNAPSHOT,
        '    bars["changed"] = pool.changed[slots]\n',
        "",
        "a bar that changed just before a crash isn't sent until its next trade",
    ),
    Mutant(
        "newest-bar-over-a-restart",
        SNAPSHOT,
        'np.argsort(pool.rows["start_us"][:count], kind="stable")',
        'np.argsort(-pool.rows["start_us"][:count], kind="stable")',
        "after a restart a ticker has the figures of an older day",
    ),
)
