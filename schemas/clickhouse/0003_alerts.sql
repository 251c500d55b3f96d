-- Alerts and system events, for ever.
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
ENGINE = MergeTree
ORDER BY (time, id);
