-- Figures of a minute's records of a liquidity provider, by partition of the topic; the newest version of a row wins.
CREATE TABLE IF NOT EXISTS {database}.lp_1m
(
    start           DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    lp_name         LowCardinality(String),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    samples         UInt64 CODEC(T64, ZSTD(1)),
    spread_sum      Decimal(38, 10) CODEC(ZSTD(1)),
    quality_sum     Decimal(38, 10) CODEC(ZSTD(1)),
    latency_us_sum  Int128 CODEC(ZSTD(1)),
    latency_us_max  Int64 CODEC(T64, ZSTD(1)),
    quotes_sum      Decimal(38, 10) CODEC(ZSTD(1)),
    rejects_sum     Decimal(38, 20) CODEC(ZSTD(1)),
    up_us           Int64 CODEC(T64, ZSTD(1)),
    status_changes  UInt64 CODEC(T64, ZSTD(1)),
    status          LowCardinality(String),
    latency         Map(Int16, UInt64) CODEC(ZSTD(1)),
    spread          Map(Int16, UInt64) CODEC(ZSTD(1)),
    version         UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (lp_name, start, kafka_partition);

-- Totals of a desk's exposure as they were when a minute ended, in all and by name; minutes without a record have no row.
CREATE TABLE IF NOT EXISTS {database}.exposure_1m
(
    start           DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    scope           Enum8('total' = 0, 'symbol' = 1, 'lp' = 2, 'book' = 3),
    name            LowCardinality(String),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    net             Decimal(38, 10) CODEC(ZSTD(1)),
    gross           Decimal(38, 10) CODEC(ZSTD(1)),
    peak            Decimal(38, 10) CODEC(ZSTD(1)),
    exposure_limit  Decimal(38, 10) CODEC(ZSTD(1)),
    warning_us      Int64 CODEC(T64, ZSTD(1)),
    critical_us     Int64 CODEC(T64, ZSTD(1)),
    version         UInt64 CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start)
ORDER BY (scope, name, start, kafka_partition);

-- What became of alerts: the state with the greatest rank counts, whatever is written again.
CREATE TABLE IF NOT EXISTS {database}.alert_states
(
    id    String,
    state LowCardinality(String),
    time  DateTime64(3, 'UTC'),
    by    String,
    rank  UInt64
)
ENGINE = ReplacingMergeTree(rank)
ORDER BY id;

-- What readers use: each once, in its newest version, before a merge too.
CREATE VIEW IF NOT EXISTS {database}.lp_1m_final AS
SELECT * FROM {database}.lp_1m FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE VIEW IF NOT EXISTS {database}.exposure_1m_final AS
SELECT * FROM {database}.exposure_1m FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE VIEW IF NOT EXISTS {database}.alert_states_final AS
SELECT * FROM {database}.alert_states FINAL;
