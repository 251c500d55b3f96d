-- Every routing decision once: one that is written again (replay, retry) has the same key and is merged away.
CREATE TABLE IF NOT EXISTS {database}.routing_decisions
(
    symbol           LowCardinality(String),
    event_time       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    side             Enum8('BUY' = 0, 'SELL' = 1, 'UNKNOWN' = 2),
    volume           Decimal(38, 10) CODEC(ZSTD(1)),
    routing_decision LowCardinality(String),
    lp_selected      LowCardinality(String),
    execution_us     Int64 CODEC(T64, ZSTD(1)),
    spread           Decimal(38, 10) CODEC(ZSTD(1)),
    slippage         Decimal(38, 10) CODEC(ZSTD(1)),
    sequence         UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_partition  UInt32 CODEC(ZSTD(1)),
    kafka_offset     UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_time       DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (symbol, event_time, kafka_partition, kafka_offset);

-- Figures of a minute's decisions by partition of the topic; the newest version of a row wins. Sums and counts of rows add up: read
-- routing_1m_final, sum(count), sumMap(execution). Buckets: docs/analytics.md.
CREATE TABLE IF NOT EXISTS {database}.routing_1m
(
    start            DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    symbol           LowCardinality(String),
    lp_selected      LowCardinality(String),
    routing_decision LowCardinality(String),
    kafka_partition  UInt32 CODEC(ZSTD(1)),
    count            UInt64 CODEC(T64, ZSTD(1)),
    volume           Decimal(38, 10) CODEC(ZSTD(1)),
    spread_sum       Decimal(38, 10) CODEC(ZSTD(1)),
    slippage_sum     Decimal(38, 10) CODEC(ZSTD(1)),
    execution_us_sum Int128 CODEC(ZSTD(1)),
    execution_us_max Int64 CODEC(T64, ZSTD(1)),
    favourable       UInt64 CODEC(T64, ZSTD(1)),
    adverse          UInt64 CODEC(T64, ZSTD(1)),
    execution        Map(Int16, UInt64) CODEC(ZSTD(1)),
    spread           Map(Int16, UInt64) CODEC(ZSTD(1)),
    slippage         Map(Int16, UInt64) CODEC(ZSTD(1)),
    version          UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (symbol, start, lp_selected, routing_decision, kafka_partition);

-- What readers use: each once, in its newest version, before a merge too.
CREATE VIEW IF NOT EXISTS {database}.routing_decisions_unique AS
SELECT * FROM {database}.routing_decisions FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE VIEW IF NOT EXISTS {database}.routing_1m_final AS
SELECT * FROM {database}.routing_1m FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
