-- What readers of alerts use: each once, before a merge too.
CREATE VIEW IF NOT EXISTS {database}.alerts_unique AS
SELECT * FROM {database}.alerts FINAL;
