"""Keeps alerts and sends them: first into ClickHouse, then into the stream of events, each once by its id.

Bytewax items are (shard key, DeskAlerts of one batch). One thread serves all partitions of a topic. An alert is kept
before anybody gets it, and none is ever dropped: ``snapshot`` returns when all that was handed over is kept and sent,
and servers that are down are waited for. What is written again after a crash or by a replay adds nothing.
"""

import threading
from collections.abc import Sequence
from typing import Final

from schemas.alert_states import OPEN
from schemas.desk import DeskAlert
from schemas.names import ALERT_STATES_TABLE, ALERTS_TABLE
from sinks.clickhouse.alert_block import alert_block, state_block
from sinks.clickhouse.sink import Inserter
from sinks.handover import Handover
from sinks.redis.alerts import AlertWriter
from sinks.shared import SharedSink

__all__ = ["DeskAlertSink"]

WAITING_MAX: Final = 64


class DeskAlertSink(SharedSink[Sequence[DeskAlert]]):
    """Items: (shard key, alerts of one partition in order). ``shards``: partitions of the topic."""

    def __init__(
        self, dsn: str, database: str, redis_url: str, shards: int, *, stop: threading.Event | None = None
    ) -> None:
        self._alerts = Inserter(dsn, database, ALERTS_TABLE, stop)
        self._states = Inserter(dsn, database, ALERT_STATES_TABLE, stop)
        self._stream = AlertWriter(redis_url, stop)
        self._handover: Handover[Sequence[DeskAlert]] = Handover(self._write, name="alert-writer", depth=WAITING_MAX)
        servers = {"alerts": self._alerts.close, "alert states": self._states.close, "Redis": self._stream.close}
        super().__init__(shards, (self._handover,), servers)

    def put(self, partition: int, item: Sequence[DeskAlert]) -> None:  # noqa: ARG002 - they say so themselves
        self._handover.put(item)

    def _write(self, groups: list[Sequence[DeskAlert]]) -> None:
        alerts = [alert for group in groups for alert in group]
        if opened := [alert for alert in alerts if alert.state == OPEN]:
            self._alerts.insert(alert_block(opened))
        self._states.insert(state_block(alerts))
        self._stream.write(alerts)
