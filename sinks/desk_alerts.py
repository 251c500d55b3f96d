"""Keeps alerts and sends them: first into ClickHouse, then into the stream of events, each once by its id.

Bytewax items are (shard key, DeskAlerts of one batch). One thread serves all partitions of a topic. An alert is kept
before anybody gets it, and none is ever dropped: ``snapshot`` returns when all that was handed over is kept and sent,
and servers that are down are waited for. What is written again after a crash or by a replay adds nothing.
"""

import threading
from collections.abc import Sequence
from typing import Final

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.alert_states import OPEN
from schemas.closing import quietly
from schemas.desk import DeskAlert
from schemas.names import ALERT_STATES_TABLE, ALERTS_TABLE
from schemas.shards import part_names, partition_of
from sinks.clickhouse.alert_block import alert_block, state_block
from sinks.clickhouse.sink import Inserter
from sinks.handover import Handover
from sinks.redis.alerts import AlertWriter

__all__ = ["DeskAlertSink"]

WAITING_MAX: Final = 64


class DeskAlertSink(FixedPartitionedSink[Sequence[DeskAlert], None]):
    """Items: (shard key, alerts of one partition in order). ``shards``: partitions of the topic."""

    def __init__(
        self, dsn: str, database: str, redis_url: str, shards: int, *, stop: threading.Event | None = None
    ) -> None:
        self._shards = shards
        self._parts = 0
        self._lock = threading.Lock()
        self._alerts = Inserter(dsn, database, ALERTS_TABLE, stop)
        self._states = Inserter(dsn, database, ALERT_STATES_TABLE, stop)
        self._stream = AlertWriter(redis_url, stop)
        self._handover: Handover[Sequence[DeskAlert]] = Handover(self._write, name="alert-writer", depth=WAITING_MAX)

    def list_parts(self) -> list[str]:
        return part_names(self._shards)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_DeskAlertPart":  # noqa: ARG002
        with self._lock:
            self._parts += 1
        return _DeskAlertPart(self)

    def put(self, alerts: Sequence[DeskAlert]) -> None:
        self._handover.put(alerts)

    def drain(self) -> None:
        self._handover.drain()

    def release(self) -> None:
        """The last part to close ends the thread and the connections."""
        with self._lock:
            self._parts -= 1
            if self._parts:
                return
        self._handover.close()
        for server in (self._alerts, self._states, self._stream):
            with quietly("alerts"):
                server.close()

    def _write(self, groups: list[Sequence[DeskAlert]]) -> None:
        alerts = [alert for group in groups for alert in group]
        if opened := [alert for alert in alerts if alert.state == OPEN]:
            self._alerts.insert(alert_block(opened))
        self._states.insert(state_block(alerts))
        self._stream.write(alerts)


class _DeskAlertPart(StatefulSinkPartition[Sequence[DeskAlert], None]):
    def __init__(self, sink: DeskAlertSink) -> None:
        self._sink = sink

    def write_batch(self, values: list[Sequence[DeskAlert]]) -> None:
        for alerts in values:
            self._sink.put(alerts)

    def snapshot(self) -> None:
        self._sink.drain()

    def close(self) -> None:
        self._sink.release()
