-- The view shows which partition made a bar.
CREATE OR REPLACE VIEW {database}.bars_final AS
SELECT * FROM {database}.bars FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
