"""The events of ``/api/events`` as shapes, for the OpenAPI document: what ``data:`` holds by the event's name.

openapi.py describes them; nothing is decoded by them. Writers are free to add fields, and where one says less than a
shape names here, it goes out all the same: data is passed on byte by byte.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.rest.words import Milliseconds, Number, SymbolName

__all__ = ["EVENT_SHAPES"]


class NewsEvent(msgspec.Struct):
    """``event: news``."""

    title: str
    source: str = ""
    timestamp: Milliseconds = 0


class PriceAlertEvent(msgspec.Struct):
    """``event: price_alert``: a price passed a threshold."""

    symbol: SymbolName
    price: Number
    alert_type: Annotated[str, Meta(description="above, below, threshold_exceeded, …")]
    threshold: Number


class SystemStatusEvent(msgspec.Struct):
    """``event: system_status``."""

    status: str
    duration: Annotated[int, Meta(ge=0, description="Seconds that it will take, where known")] = 0
    affected_symbols: list[SymbolName] = []


class AlertEvent(msgspec.Struct, rename="camel"):
    """``event: alert``: an entry of the channel ``alerts``."""

    title: str
    severity: str = ""
    category: str = ""
    message: str = ""
    source: str = ""
    symbols: list[SymbolName] = []
    action_items: list[str] = []


class GapEvent(msgspec.Struct, rename="camel"):
    """``event: gap``: what came after ``lastEventId`` is not held any more; it has no id of its own."""

    reason: Annotated[str, Meta(extra_json_schema={"enum": ["trimmed", "reset"]})]
    last_event_id: str
    first_available_id: str | None


EVENT_SHAPES: Final[dict[str, Any]] = {
    "news": NewsEvent,
    "price_alert": PriceAlertEvent,
    "system_status": SystemStatusEvent,
    "alert": AlertEvent,
    "gap": GapEvent,
}
