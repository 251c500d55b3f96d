-- Every valid trade once: a trade written again (replay, retry) has the same key and is merged away.
CREATE TABLE IF NOT EXISTS {database}.trades
(
    symbol          LowCardinality(String),
    event_time      DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    price           Decimal(38, 10) CODEC(ZSTD(1)),
    size            Decimal(38, 10) CODEC(ZSTD(1)),
    side            Enum8('BUY' = 0, 'SELL' = 1, 'UNKNOWN' = 2) DEFAULT 'UNKNOWN',
    trade_id        String CODEC(ZSTD(1)),
    exchange        LowCardinality(String),
    bid             Nullable(Decimal(38, 10)) CODEC(ZSTD(1)),
    ask             Nullable(Decimal(38, 10)) CODEC(ZSTD(1)),
    sequence        UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_partition UInt32 CODEC(ZSTD(1)),
    kafka_offset    UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_index     UInt32 CODEC(ZSTD(1)),
    kafka_time      DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (symbol, event_time, kafka_partition, kafka_offset, kafka_index);

-- Trades that at least one interval refused because they came too late; `replay` folds them in.
CREATE TABLE IF NOT EXISTS {database}.late_trades AS {database}.trades
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (symbol, event_time, kafka_partition, kafka_offset, kafka_index);
