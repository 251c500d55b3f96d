-- What readers use: FINAL makes both right before a merge too. A key never spans partitions (its time is in it).
CREATE VIEW IF NOT EXISTS {database}.bars_final AS
SELECT * FROM {database}.bars FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

CREATE VIEW IF NOT EXISTS {database}.trades_unique AS
SELECT * FROM {database}.trades FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
