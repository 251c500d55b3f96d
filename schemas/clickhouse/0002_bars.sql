-- Final bars; version is the sequence of the last trade applied, so a revision replaces what it revises. Where trades of a
-- symbol lie in several partitions, rank decides: the greater version, then the lower partition (-1: not known).
CREATE TABLE IF NOT EXISTS {database}.bars
(
    symbol       LowCardinality(String),
    interval     LowCardinality(String),
    start        DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    open         Decimal(38, 10) CODEC(ZSTD(1)),
    high         Decimal(38, 10) CODEC(ZSTD(1)),
    low          Decimal(38, 10) CODEC(ZSTD(1)),
    close        Decimal(38, 10) CODEC(ZSTD(1)),
    volume       Decimal(38, 10) CODEC(ZSTD(1)),
    buy_volume   Decimal(38, 10) CODEC(ZSTD(1)),
    quote_volume Decimal(76, 20) CODEC(ZSTD(1)),
    vwap         Nullable(Decimal(38, 10)) CODEC(ZSTD(1)),
    stddev       Decimal(38, 10) CODEC(ZSTD(1)),
    trade_count  UInt64 CODEC(T64, ZSTD(1)),
    revision     UInt32 CODEC(T64, ZSTD(1)),
    version      UInt64 CODEC(Delta(8), ZSTD(1)),
    kafka_partition Int32 DEFAULT -1 CODEC(T64, ZSTD(1)),
    rank         UInt128 MATERIALIZED bitShiftLeft(toUInt128(version), 32) + (4294967295 - toUInt32(kafka_partition)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(rank)
PARTITION BY toYear(start)
ORDER BY (symbol, interval, start);
