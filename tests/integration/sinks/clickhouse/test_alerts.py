"""Alerts in a real ClickHouse alone: written twice they stand once."""

from clickhouse_driver import Client

from schemas.alert_states import OPEN
from schemas.desk import DeskAlert
from sinks.clickhouse.alerts import AlertsSink

ALERT = DeskAlert("two-partitions:Ü/B", OPEN, 1_767_225_600_123_000, "critical", "data-quality", "t", "m", "tapeflow",
                  ("tapeflow rekey",))  # fmt: skip


def test_an_alert_stands_once(client: Client, clickhouse_dsn: str, database: str) -> None:
    part = AlertsSink(clickhouse_dsn, database, 1).build_part("write", "00000", None)
    for _ in range(2):
        part.write_batch([[ALERT], [ALERT._replace(id="two-partitions:A")]])
        part.snapshot()
    part.close()
    found = client.execute(
        "SELECT id, toUnixTimestamp64Milli(time), severity, category, actions"
        f" FROM {database}.alerts_unique ORDER BY id"
    )
    assert found == [
        (alert_id, 1_767_225_600_123, "critical", "data-quality", ["tapeflow rekey"])
        for alert_id in ("two-partitions:A", ALERT.id)
    ]
