"""Adds alerts to the stream of events, each opening and each resolution once, whatever is written again.

sinks.desk_alerts calls it when ClickHouse has them. The script of schemas.alert_stream lets each state of an alert in
once. A Redis that is down is waited for.
"""

import threading
from collections.abc import Sequence
from typing import Any

import redis

from runtime.outage import persist
from schemas.alert_stream import ADD_ALERTS, alert_arguments
from schemas.desk import DeskAlert
from schemas.names import ALERTS_SENT_KEY, EVENTS_STREAM
from sinks.redis.connection import is_outage, open_client, place
from sinks.redis.refusals import refusal

__all__ = ["AlertWriter"]


class AlertWriter:
    """Owns the connection; used by one thread."""

    def __init__(self, url: str, stop: threading.Event | None = None) -> None:
        self._client = open_client(url)
        self._script = self._client.register_script(ADD_ALERTS)
        self._where = place(url)
        self._stop = stop or threading.Event()

    def write(self, alerts: Sequence[DeskAlert]) -> None:
        """Returns when Redis took all. Raises Unreachable when stopped while it is down, SettingError for a right that
        is missing, WriteFailed for any other refusal."""
        arguments = alert_arguments(alerts)
        try:
            persist(
                lambda: self._call(arguments),
                server="redis",
                where=self._where,
                is_outage=is_outage,
                stop=self._stop,
            )
        except redis.exceptions.RedisError as error:
            raise refusal(error, self._client, self._where, "EVALSHA", script=ADD_ALERTS) from error

    def close(self) -> None:
        self._client.close()

    def _call(self, arguments: list[Any]) -> None:
        try:
            self._script([EVENTS_STREAM, ALERTS_SENT_KEY], arguments)
        except Exception:  # after any failure an old reply may still be on its way: never read on from it
            self._client.connection_pool.disconnect()
            raise
