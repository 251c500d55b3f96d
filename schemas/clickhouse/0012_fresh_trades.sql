-- Inserts and first merges are most of what ClickHouse has to do with trades: fresh ones are packed fast (LZ4, the server's
-- default) and in few files. `migrate` adds the rule that packs them small a day later (ADR 0046).
ALTER TABLE {database}.trades
    MODIFY COLUMN event_time CODEC(DoubleDelta, Default),
    MODIFY COLUMN price CODEC(Default),
    MODIFY COLUMN size CODEC(Default),
    MODIFY COLUMN trade_id CODEC(Default),
    MODIFY COLUMN bid CODEC(Default),
    MODIFY COLUMN ask CODEC(Default),
    MODIFY COLUMN sequence CODEC(Delta(8), Default),
    MODIFY COLUMN kafka_partition CODEC(Default),
    MODIFY COLUMN kafka_offset CODEC(Delta(8), Default),
    MODIFY COLUMN kafka_index CODEC(Default),
    MODIFY COLUMN kafka_time CODEC(DoubleDelta, Default),
    MODIFY SETTING min_bytes_for_wide_part = 268435456;

ALTER TABLE {database}.late_trades
    MODIFY COLUMN event_time CODEC(DoubleDelta, Default),
    MODIFY COLUMN price CODEC(Default),
    MODIFY COLUMN size CODEC(Default),
    MODIFY COLUMN trade_id CODEC(Default),
    MODIFY COLUMN bid CODEC(Default),
    MODIFY COLUMN ask CODEC(Default),
    MODIFY COLUMN sequence CODEC(Delta(8), Default),
    MODIFY COLUMN kafka_partition CODEC(Default),
    MODIFY COLUMN kafka_offset CODEC(Delta(8), Default),
    MODIFY COLUMN kafka_index CODEC(Default),
    MODIFY COLUMN kafka_time CODEC(DoubleDelta, Default),
    MODIFY SETTING min_bytes_for_wide_part = 268435456;
