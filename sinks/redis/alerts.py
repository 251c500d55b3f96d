"""Adds alerts to the stream of events, each opening and each resolution once, whatever is written again.

sinks.desk_alerts calls it when ClickHouse has them. The script of schemas.alert_stream lets each state of an alert in
once. A Redis that is down is waited for.
"""

import threading
from collections.abc import Sequence

from schemas.alert_stream import ADD_ALERTS, alert_arguments
from schemas.desk import DeskAlert
from schemas.names import ALERTS_SENT_KEY, EVENTS_STREAM
from sinks.redis.scripted import Scripted

__all__ = ["AlertWriter"]


class AlertWriter:
    """Owns the connection; used by one thread."""

    def __init__(self, url: str, stop: threading.Event | None = None) -> None:
        self._redis = Scripted(url, stop)
        self._add = self._redis.script(ADD_ALERTS)
        self._keys = [EVENTS_STREAM, self._redis.names.beside(EVENTS_STREAM, ALERTS_SENT_KEY)]

    def write(self, alerts: Sequence[DeskAlert]) -> None:
        """Returns when Redis took all. Raises Unreachable when stopped while it is down, SettingError for a right that
        is missing, WriteFailed for any other refusal."""
        self._redis.run(self._add, self._keys, alert_arguments(alerts))

    def close(self) -> None:
        self._redis.close()
