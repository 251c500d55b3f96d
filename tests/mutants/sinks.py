"""Mutants of sinks: what Redis, ClickHouse, Kafka and files hold. The script runs in a real Redis."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

JSON: Final = "sinks/redis/json.py"
ENCODE: Final = "sinks/redis/encode.py"
STATE: Final = "sinks/redis/state.py"
BOUNDS: Final = "sinks/redis/bounds.py"
SCRIPT: Final = "sinks/redis/apply_update.lua"
BLOCK: Final = "sinks/clickhouse/native_block.py"
CLICKHOUSE: Final = "sinks/clickhouse/sink.py"
AVRO: Final = "sinks/kafka/avro_bars.py"
FILES: Final = "sinks/files.py"
HANDOVER: Final = "sinks/handover.py"
OUTAGE: Final = "runtime/outage.py"
REDIS: Final = tuple(
    f"tests/integration/sinks/redis/test_sink.py::test_{name}"
    for name in (
        "an_update_lands_in_keys_and_stream",
        "the_same_update_again_changes_nothing",
        "an_older_writer_takes_nothing_back",
        "a_bar_that_turns_final_at_the_same_sequence_replaces_itself",
        "a_revision_replaces_its_member",
        "candles_keep_the_last_n",
    )
)
"""The quick ones."""
TWO_SHARDS: Final = ("tests/integration/sinks/test_redis_two_shards.py",)

MUTANTS: Final = (
    Mutant(
        "delta-of-a-wide-price",
        JSON,
        "if was and w_hi == hi and w_lo == lo:",
        "if was and w_lo == lo:",
        "a price that moves by 2**64 units is left out of a delta",
    ),
    Mutant(
        "delta-of-a-bid-of-0",
        JSON,
        "if was and w_hi == hi and w_lo == lo:",
        "if w_hi == hi and w_lo == lo:",
        "a first bid of 0 is left out of a delta",
    ),
    Mutant(
        "delta-of-a-percentage",
        JSON,
        "same_close = was and close_hi == old.previous_close_hi and close_lo == old.previous_close_lo",
        "same_close = was",
        "a percentage stays when price and previous close move alike",
    ),
    Mutant(
        "delta-previous",
        JSON,
        "put_text(buffer, at, _PREVIOUS), old.sequence)",
        "put_text(buffer, at, _PREVIOUS), row.sequence)",
        "no client can apply a delta",
    ),
    Mutant(
        "delta-of-a-lost-close",
        JSON,
        "\n        or (old.has_previous_close and not row.has_previous_close)",
        "",
        "a client keeps a previous close that there isn't any more",
    ),
    Mutant(
        "delta-of-a-lost-ask",
        JSON,
        "or (old.has_ask and not row.has_ask)",
        "",
        "a client keeps an ask that there isn't any more",
    ),
    Mutant(
        "bar-final-flag", JSON, "_TRUE) if row.final else", "_TRUE) if row.revision else", "a final bar is sent as open"
    ),
    Mutant(
        "ticker-first-seen",
        ENCODE,
        "row.first_seen_us // 1000",
        "row.event_time_us // 1000",
        "a symbol's first trade is as old as its last",
    ),
    Mutant(
        "delta-from-nothing",
        ENCODE,
        "old.sequence if delta else -1",
        "old.sequence",
        "a message is empty where no delta can be made",
    ),
    Mutant(
        "bar-start-in-seconds",
        ENCODE,
        "row.start_us // 1000)\n        at = _pack_int(buffer, at, row.version)",
        "row.start_us // 1_000_000)\n        at = _pack_int(buffer, at, row.version)",
        "bars have times of 1970",
    ),
    Mutant(
        "final-bar-at-the-same-version",
        STATE,
        '(rows["version"] >= held["version"])',
        '(rows["version"] > held["version"])',
        "a Redis that is filled again has an open bar for a final one",
    ),
    Mutant(
        "open-bar-after-its-end",
        STATE,
        "version > closed.get((symbol, interval, start), -1)",
        "version >= closed.get((symbol, interval, start), -1)",
        "a bar that ended is open again",
    ),
    Mutant(
        "final-bars-kept",
        STATE,
        "self._finals_count - len(self._finals[0]) >= self._finals_kept",
        "self._finals_count - len(self._finals[0]) > self._finals_kept",
        "more final bars are held in memory than the bound says",
    ),
    Mutant(
        "sequence-beyond-a-double",
        STATE,
        "int(sequences.max()) < SEQUENCE_MAX",
        "int(sequences.max()) <= SEQUENCE_MAX",
        "sequences are compared as rounded numbers",
    ),
    Mutant(
        "filled-again-by-deltas",
        STATE,
        "tickers, tickers, np.zeros(len(tickers), np.bool_)",
        "tickers, tickers, np.ones(len(tickers), np.bool_)",
        "a Redis that is filled again holds deltas from nothing",
    ),
    Mutant(
        "symbols-share-the-bars",
        BOUNDS,
        "together // max(symbols, 1)",
        "together",
        "Redis is said to hold more bars than it does",
        tests=("tests/integration/sinks/redis/test_bounds.py::test_the_defaults_fit_a_gigabyte",),
    ),
    Mutant(
        "script-same-update-again",
        SCRIPT,
        "if sequence ~= held_sequence then return sequence > held_sequence end",
        "if sequence ~= held_sequence then return true end",
        "an older writer takes a bar back",
        tests=REDIS,
    ),
    Mutant(
        "script-older-start",
        SCRIPT,
        "if start ~= held_start then return start > held_start end",
        "if start ~= held_start then return true end",
        "an older bar replaces the newest",
        tests=REDIS,
    ),
    Mutant(
        "script-greater-shard",
        SCRIPT,
        "if shard ~= held_shard then return shard < held_shard end",
        "if shard ~= held_shard then return shard > held_shard end",
        "of two equal bars another stays each time",
        tests=TWO_SHARDS,
    ),
    Mutant(
        "script-closes-a-bar",
        SCRIPT,
        "return final and not is_final(held)",
        "return false",
        "a bar stays open that ended at its last trade",
        tests=REDIS,
    ),
    Mutant(
        "script-delta-from-another-state",
        SCRIPT,
        "out[n] = tickers[at + 3] == held and held >= 0 and tickers[at + 5] or snapshot",
        "out[n] = tickers[at + 3] >= 0 and tickers[at + 5] or snapshot",
        "the stream has a delta from a state that nobody has",
        tests=REDIS,
    ),
    Mutant(
        "script-ticker-twice",
        SCRIPT,
        "if sequence > held or (sequence == held",
        "if sequence >= held or (sequence == held",
        "a ticker goes out twice",
        tests=REDIS,
    ),
    Mutant(
        "script-keeps-one-more",
        SCRIPT,
        "string.format('%d', -(kept[interval] + 1))",
        "string.format('%d', -(kept[interval] + 2))",
        "Redis holds more bars than the setting says",
        tests=REDIS,
    ),
    Mutant(
        "script-revision-beside-its-bar",
        SCRIPT,
        "if accept then call('ZREMRANGEBYSCORE', list, start, start) end",
        "",
        "a revised bar stands twice in its series",
        tests=REDIS,
    ),
    Mutant(
        "script-topic-made-anew",
        SCRIPT,
        "if math.floor(held / 2 ^ 44) ~= math.floor(sequence / 2 ^ 44) then return end",
        "",
        "a topic that was made anew is taken for a symbol in two partitions",
        tests=TWO_SHARDS,
    ),
    Mutant(
        "block-sequence",
        BLOCK,
        "(columns.offset + first_sequence(source_epoch)).tobytes()",
        "columns.offset.tobytes()",
        "trades of a topic that was made anew sort below the old ones",
    ),
    Mutant(
        "block-vwap-null",
        BLOCK,
        '(rows["has_vwap"] == 0)',
        '(rows["has_vwap"] == 1)',
        "a vwap is null where there is one",
    ),
    Mutant(
        "block-bid-null",
        BLOCK,
        "columns.no_bid[to] = 0 if row.has_bid else 1",
        "columns.no_bid[to] = 0 if row.has_ask else 1",
        "a bid is null where there is one",
    ),
    Mutant(
        "block-partition-of-bars",
        BLOCK,
        "[batch.partition for batch in batches]",
        "[batches[0].partition for batch in batches]",
        "bars are said to be of another partition",
    ),
    Mutant(
        "block-index-of-a-trade",
        BLOCK,
        'batch.rows["index"][chosen]',
        "0",
        "of several trades in one record one is left",
    ),
    Mutant(
        "block-names-of-another-batch",
        BLOCK,
        "words.setdefault(batch.symbols[at], len(words))",
        "words.setdefault(batch.symbols[at], at)",
        "bars have another symbol's name",
    ),
    Mutant(
        "block-time-of-a-record-without-one",
        BLOCK,
        "max(row.timestamp_ms, 0)",
        "row.timestamp_ms",
        "ClickHouse refuses or bends a time before 1970",
    ),
    Mutant(
        "block-high-word",
        BLOCK,
        "_put_pair(columns.size, to, row.size_hi, row.size_lo)",
        "_put_pair(columns.size, to, 0, row.size_lo)",
        "sizes beyond 2**64 units are cut",
    ),
    Mutant(
        "block-wide-dictionary",
        BLOCK,
        "additional_keys | width",
        "additional_keys",
        "a block of 257 symbols can't be read",
    ),
    Mutant(
        "duplicates-among-the-trades",
        CLICKHOUSE,
        "else outcome != DUPLICATE",
        "else outcome >= 0",
        "raw trades hold duplicates",
    ),
    Mutant(
        "late-trades-alone",
        CLICKHOUSE,
        "np.flatnonzero(outcome == LATE if late_only",
        "np.flatnonzero(outcome != DUPLICATE if late_only",
        "the table of late trades holds all",
    ),
    Mutant(
        "insert-at-its-full-size",
        CLICKHOUSE,
        "full = self._rows >= self._rows_max",
        "full = self._rows > self._rows_max",
        "an insert is one batch larger",
        explained="A block is larger by one batch. What is inserted, and when a snapshot is done, stays the same.",
    ),
    Mutant(
        "avro-vwap-of-no-volume",
        AVRO,
        'if not row["has_vwap"]:',
        'if row["has_vwap"]:',
        "a vwap is null where there is one",
    ),
    Mutant(
        "avro-key",
        AVRO,
        "int(row['start_us']) // 1000",
        "int(row['start_us']) // 60_000",
        "two bars share a key, and compaction drops one",
    ),
    Mutant(
        "file-of-old-revisions",
        FILES,
        "np.r_[~same, True][: len(rows)]",
        "np.r_[True, ~same][: len(rows)]",
        "a file holds the first version of a bar",
    ),
    Mutant(
        "queue-without-a-bound",
        HANDOVER,
        "len(self._waiting) < self._depth",
        "len(self._waiting) <= self._depth",
        "memory grows while a server is slow",
    ),
    Mutant(
        "drain-before-the-end",
        HANDOVER,
        "not self._waiting and not self._busy",
        "not self._waiting",
        "a snapshot is done before its rows are written",
    ),
    Mutant(
        "pause-without-a-bound",
        OUTAGE,
        "min(pause_s * 2, PAUSE_S_MAX)",
        "pause_s * 2",
        "after a long outage a flow waits for hours",
    ),
)
