-- Alerts and system events, for ever, once each: one that is written again (replay, retry) has the same key and is merged away.
CREATE TABLE IF NOT EXISTS {database}.alerts
(
    time     DateTime64(3, 'UTC'),
    id       String,
    severity LowCardinality(String),
    category LowCardinality(String),
    title    String,
    message  String,
    source   LowCardinality(String),
    actions  Array(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (time, id);
