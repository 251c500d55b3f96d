"""Adds alerts to the stream of events, each opening and each resolution once, whatever is written again.

sinks.desk_alerts calls it when ClickHouse has them. A script keeps a mark of what went out, made of the alert's id and
state. A Redis that is down is waited for.
"""

import threading
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from runtime.outage import persist
from schemas.alert_states import OPEN
from schemas.channels import ALERTS, CHANNEL_TYPES, ENTRIES_KEPT, event_fields
from schemas.desk import DeskAlert
from schemas.names import ALERTS_SENT_KEY, EVENTS_STREAM
from sinks.redis.refusals import refusal
from sinks.redis.scripts import ADD_ALERTS
from sinks.redis.sink import is_outage, open_client, place

__all__ = ["AlertWriter", "alert_data"]

MARKS_KEPT: Final = 100_000
"""Ten times what the stream holds: a replay of more than that may send old alerts again."""


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
        arguments: list[Any] = [ENTRIES_KEPT, MARKS_KEPT]
        for alert in alerts:
            time_ms = alert.time_us // 1000
            fields = event_fields(CHANNEL_TYPES[ALERTS], alert_data(alert), written_ms=time_ms)
            pairs = [text for name, value in fields.items() for text in (name, value.decode())]
            mark = alert.id if alert.state == OPEN else f"{alert.id}:{alert.state}"
            arguments += [mark, time_ms, msgspec.msgpack.encode(pairs)]
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


def alert_data(alert: DeskAlert) -> bytes:
    """Data of ``alert``, with S1's fields, its state and what it was judged by."""
    return msgspec.json.encode(
        {
            "id": alert.id,
            "severity": alert.severity,
            "category": alert.category,
            "title": alert.title,
            "message": alert.message,
            "source": alert.source,
            "actionItems": alert.actions,
            "state": alert.state,
            "basis": alert.basis,
        }
    )
