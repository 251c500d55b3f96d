-- Results of reports: JSON rows in chunks, by report and attempt, until they expire. A chunk that is written again has the
-- same key and is merged away; a day's parts are dropped whole.
CREATE TABLE IF NOT EXISTS {database}.report_chunks
(
    report  String CODEC(ZSTD(1)),
    run     UInt32 CODEC(T64, ZSTD(1)),
    chunk   UInt32 CODEC(T64, ZSTD(1)),
    body    String CODEC(ZSTD(3)),
    expires DateTime('UTC') CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(expires)
ORDER BY (report, run, chunk)
TTL expires
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1;
