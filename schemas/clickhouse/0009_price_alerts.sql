-- What users' rules fired, for ever, once each: a firing that is written again has the same key and is merged away.
CREATE TABLE IF NOT EXISTS {database}.price_alerts
(
    event_time      DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id              String,
    rule_id         String,
    user_id         String,
    symbol          LowCardinality(String),
    condition       LowCardinality(String),
    series          LowCardinality(String),
    window          LowCardinality(String),
    threshold       Decimal(38, 10),
    price           Decimal(38, 10),
    value           Decimal(38, 10),
    sequence        UInt64,
    kafka_partition UInt32,
    note            String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (user_id, event_time, id);

-- What readers use: each once, before a merge too.
CREATE VIEW IF NOT EXISTS {database}.price_alerts_unique AS
SELECT * FROM {database}.price_alerts FINAL;
