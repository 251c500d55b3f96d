"""The Bytewax sink that keeps alerts in ClickHouse alone, for flows that have nobody to tell.

Items are (shard key, alerts that opened). ``snapshot`` returns when all that was handed over is inserted; an outage is
waited for. An alert that is written again has the same time and id, so that the view shows it once. The stream of
events is another's: see sinks.desk_alerts.
"""

import threading
from collections.abc import Sequence

from schemas.desk import DeskAlert
from schemas.names import ALERTS_TABLE
from sinks.clickhouse.alert_block import alert_block
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Buffer, ClickHouseSink, Inserter

__all__ = ["AlertsSink"]

ROWS_MAX = 10_000


class AlertsSink(ClickHouseSink[Sequence[DeskAlert]]):
    """``shards``: partitions of the topic."""

    def __init__(self, dsn: str, database: str, shards: int, *, stop: threading.Event | None = None) -> None:
        inserters = [Inserter(dsn, database, ALERTS_TABLE, stop)]
        super().__init__(shards, Buffer(inserters, _block, len, ROWS_MAX))


def _block(groups: Sequence[Sequence[DeskAlert]]) -> Block:
    return alert_block([alert for group in groups for alert in group])
