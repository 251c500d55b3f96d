-- Several trades of one record: their place in it tells them apart, where offset and time are the same.
ALTER TABLE {database}.trades
    ADD COLUMN IF NOT EXISTS kafka_index UInt32 CODEC(ZSTD(1)) AFTER kafka_offset,
    MODIFY ORDER BY (symbol, event_time, kafka_partition, kafka_offset, kafka_index);

ALTER TABLE {database}.late_trades
    ADD COLUMN IF NOT EXISTS kafka_index UInt32 CODEC(ZSTD(1)) AFTER kafka_offset,
    MODIFY ORDER BY (symbol, event_time, kafka_partition, kafka_offset, kafka_index);

CREATE OR REPLACE VIEW {database}.trades_unique AS
SELECT * FROM {database}.trades FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
