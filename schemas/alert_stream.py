"""How an alert enters the stream of events: what is said of it, and the script that lets each state in once.

The analytics flow adds alerts that open and end, the gateway those that somebody acknowledged. Both run this script,
which keeps a mark of what went out, made of the alert's id and state: whoever repeats adds nothing, and nothing is
acknowledged that was resolved before.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import msgspec

from schemas.alert_states import ACKNOWLEDGED, OPEN, RESOLVED
from schemas.channels import ALERTS, CHANNEL_TYPES, ENTRIES_KEPT, event_fields
from schemas.desk import DeskAlert

__all__ = ["ADD_ALERTS", "TRADES", "TWO_PARTITIONS", "alert_arguments", "alert_data", "symbols_of"]

ADD_ALERTS: Final = files("schemas").joinpath("redis/add_alerts.lua").read_text("utf-8")
TRADES: Final = "trades"
TWO_PARTITIONS: Final = "two-partitions"
MARKS_KEPT: Final = 100_000
"""Ten times what the stream holds: a replay of more than that may send old alerts again."""


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
            **({"by": alert.by} if alert.by else {}),
            **({"symbols": alert.symbols} if alert.symbols else {}),
        }
    )


def symbols_of(alert_id: str) -> tuple[str, ...]:
    """The symbol that an alert is about, as its id says it: ``trades:KIND:P-O:SYMBOL``, ``two-partitions:SYMBOL``."""
    of, *rest = alert_id.split(":", 3)
    if of == TWO_PARTITIONS:
        return (alert_id.partition(":")[2],)
    return (rest[2],) if of == TRADES and len(rest) == 3 else ()


def alert_arguments(alerts: Sequence[DeskAlert]) -> list[str | int | bytes]:
    """Arguments of ADD_ALERTS; its keys are the stream of events and ALERTS_SENT_KEY."""
    arguments: list[str | int | bytes] = [ENTRIES_KEPT, MARKS_KEPT]
    for alert in alerts:
        time_ms = alert.time_us // 1000
        fields = event_fields(CHANNEL_TYPES[ALERTS], alert_data(alert), written_ms=time_ms, symbols=alert.symbols)
        pairs = [text for name, value in fields.items() for text in (name, value.decode())]
        beyond = _mark(alert.id, RESOLVED) if alert.state == ACKNOWLEDGED else ""
        arguments += [_mark(alert.id, alert.state), beyond, time_ms, msgspec.msgpack.encode(pairs)]
    return arguments


def _mark(alert_id: str, state: str) -> str:
    return alert_id if state == OPEN else f"{alert_id}:{state}"
