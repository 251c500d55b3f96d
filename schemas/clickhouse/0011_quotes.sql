-- Bars of quotes: bid and ask of each interval, and its spreads by their time; the newest version of a row wins.
CREATE TABLE IF NOT EXISTS {database}.quote_bars
(
    symbol          LowCardinality(String),
    interval        LowCardinality(String),
    start           DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    bid_open        Decimal(38, 10) CODEC(ZSTD(1)),
    bid_high        Decimal(38, 10) CODEC(ZSTD(1)),
    bid_low         Decimal(38, 10) CODEC(ZSTD(1)),
    bid_close       Decimal(38, 10) CODEC(ZSTD(1)),
    ask_open        Decimal(38, 10) CODEC(ZSTD(1)),
    ask_high        Decimal(38, 10) CODEC(ZSTD(1)),
    ask_low         Decimal(38, 10) CODEC(ZSTD(1)),
    ask_close       Decimal(38, 10) CODEC(ZSTD(1)),
    spread_min      Decimal(38, 10) CODEC(ZSTD(1)),
    spread_max      Decimal(38, 10) CODEC(ZSTD(1)),
    count           UInt64 CODEC(T64, ZSTD(1)),
    crossed         UInt64 CODEC(T64, ZSTD(1)),
    spread_us       Int64 CODEC(T64, ZSTD(1)),
    crossed_us      Int64 CODEC(T64, ZSTD(1)),
    spread_sum      Decimal(76, 10) CODEC(ZSTD(1)),
    spread          Map(Int16, UInt64) CODEC(ZSTD(1)),
    version         UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (symbol, interval, start, kafka_partition);

-- What readers use: each bar once, in its newest version, before a merge too.
CREATE VIEW IF NOT EXISTS {database}.quote_bars_final AS
SELECT * FROM {database}.quote_bars FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
