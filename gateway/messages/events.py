"""Events of ``/api/events`` (Server-Sent Events): what ``data:`` holds, by the event's name.

The documents describe them; only ``gap`` is encoded by its struct. Writers are free to add fields, and where one says
less than a struct names here, it goes out all the same: data is passed on byte by byte.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.channel import Channel, Message
from gateway.messages.values import Milliseconds, Number, SymbolName

__all__ = ["EVENTS", "EVENT_SHAPES", "AlertEvent", "GapEvent", "PriceAlertEvent"]


SeriesValue = Annotated[Number, Meta(description="The value of the series that passed the threshold")]


class NewsEvent(msgspec.Struct):
    """News."""

    title: str
    source: str = ""
    timestamp: Milliseconds = 0


class PriceAlertEvent(msgspec.Struct):
    """A series passed a threshold. ``id`` tells it apart: the same alert may come again after a crash."""

    symbol: SymbolName
    price: Number
    alert_type: Annotated[str, Meta(description="threshold_exceeded where a rule of the user fired")]
    threshold: Number
    direction: Annotated[str, Meta(description="above or below: which way it passed")] = ""
    id: str = ""
    rule: Annotated[str, Meta(description="The id of the rule that fired")] = ""
    sequence: int = 0
    timestamp: Annotated[Milliseconds, Meta(description="Event time of the trade")] = 0
    note: Annotated[str, Meta(description="What the user wrote beside the rule")] = ""
    series: Annotated[str, Meta(description="What the rule looks at; the threshold is of that")] = "price"
    window: Annotated[str, Meta(description="The series' window, or the bar's interval")] = ""
    value: SeriesValue | msgspec.UnsetType = msgspec.UNSET
    basis: Annotated[str, Meta(description="log, or clock where nothing came any more")] = "log"


class SystemStatusEvent(msgspec.Struct):
    """A system changed its state."""

    status: str
    duration: Annotated[int, Meta(ge=0, description="Seconds that it will take, where known")] = 0
    affected_symbols: list[SymbolName] = []


class AlertEvent(msgspec.Struct, rename="camel"):
    """An entry of the channel alerts."""

    title: str
    id: str = ""
    severity: str = ""
    category: str = ""
    message: str = ""
    source: str = ""
    symbols: list[SymbolName] = []
    action_items: list[str] = []
    state: Annotated[str, Meta(description="open; acknowledged or resolved of the same id")] = ""
    basis: Annotated[str, Meta(description="log, clock where nothing came, or user of one that is acknowledged")] = ""
    by: Annotated[str, Meta(description="Who acknowledged it")] = ""


class GapEvent(msgspec.Struct, rename="camel"):
    """What came after lastEventId is not held any more. This event has no id of its own."""

    reason: Annotated[str, Meta(extra_json_schema={"enum": ["trimmed", "reset"]})]
    last_event_id: str
    first_available_id: str | None


EVENTS: Final = Channel(
    "events",
    "/api/events",
    "News, price alerts, states of systems and alerts, as Server-Sent Events",
    "The event's name is the message's name, and data is its payload. Each has the id of its place in the log and "
    "retry: 5000; a comment comes every 30 s. The header Last-Event-ID (or ?lastEventId=) resumes without loss while "
    "the log holds that id; an event gap says where not. Events for one user, or about symbols, go only to those who "
    "may see them.",
    (),
    (
        Message(
            NewsEvent,
            ({"title": "Rates unchanged", "source": "Reuters", "timestamp": 1767225600123},),
            event="news",
        ),
        Message(
            PriceAlertEvent,
            (
                {
                    "symbol": "BTC/USDT",
                    "price": 64250.1,
                    "alert_type": "threshold_exceeded",
                    "threshold": 64000,
                    "direction": "above",
                    "id": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e:184467",
                    "rule": "0b6c1d3e9f3a4a5c8d7e6f5a4b3c2d1e",
                    "sequence": 184467,
                    "timestamp": 1767225600123,
                    "note": "sell some",
                    "series": "price",
                    "window": "",
                    "value": 64250.1,
                    "basis": "log",
                },
            ),
            event="price_alert",
        ),
        Message(
            SystemStatusEvent,
            ({"status": "maintenance_window", "duration": 60, "affected_symbols": ["AAPL"]},),
            event="system_status",
        ),
        Message(
            AlertEvent,
            ({"severity": "warning", "title": "Venue halted", "symbols": ["BTC/USDT"]},),
            event="alert",
        ),
        Message(
            GapEvent,
            ({"reason": "trimmed", "lastEventId": "1767225600123-0", "firstAvailableId": "1767225700456-0"},),
            event="gap",
        ),
    ),
)
EVENT_SHAPES: Final = {message.name: message.shape for message in EVENTS.server}
