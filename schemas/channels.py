"""Words of the analytics channels and of the event stream: their Redis keys and the fields of an entry.

Flows and ``tapeflow publish`` write entries by ``event_fields``; the gateway (WebSocket and SSE) reads them. ``data``
is a JSON object that goes to clients byte by byte, so its numbers keep every digit. The channel ``alerts`` has no
stream of its own: its messages are the entries of ``md:events`` whose type is ``alert``. So an alert exists once, and
its id is the SSE id.
"""

import re
from typing import Final

import msgspec

from schemas.errors import InputError
from schemas.names import EVENTS_STREAM

__all__ = [
    "ALERTS",
    "CHANNELS",
    "CHANNEL_TYPES",
    "CLOSED",
    "ENTRIES_KEPT",
    "EVENT_TYPES",
    "STATS_TYPES",
    "channel_stream",
    "event_fields",
    "publish_target",
]

ALERTS: Final = "alerts"
CHANNELS: Final = ("routing-metrics", "lp-performance", "exposure-updates", ALERTS)
EVENT_TYPES: Final = ("news", "price_alert", "system_status", "alert")
ENTRIES_KEPT: Final = 10_000
"""Least length to which the event stream and the channels' are cut."""
CLOSED: Final = ("exposure-updates", ALERTS)
"""Nobody with a token may join these unless the setting names roles that may."""
# The ``type`` of a channel's messages when their writer gives none.
CHANNEL_TYPES: Final = {
    "routing-metrics": "routing-decision",
    "lp-performance": "lp-metrics",
    "exposure-updates": "exposure-change",
    ALERTS: "alert",
}
STATS_TYPES: Final = {
    "routing-metrics": "routing-stats",
    "lp-performance": "lp-stats",
    "exposure-updates": "exposure-stats",
}
"""The ``type`` of figures of windows, which the analytics flow adds to a channel."""
TYPE_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def channel_stream(channel: str) -> str:
    """The Redis stream of a channel; that of ``alerts`` is the event stream."""
    return EVENTS_STREAM if channel == ALERTS else f"md:channel:{channel}"


def publish_target(name: str) -> tuple[str, str]:
    """(stream, message type) for what a user calls a channel or an event type; raises InputError for other names."""
    if name in CHANNEL_TYPES:
        return channel_stream(name), CHANNEL_TYPES[name]
    if name in EVENT_TYPES:
        return EVENTS_STREAM, name
    raise InputError(f"no channel or event type is called {name!r}", mend="use " + ", ".join((*CHANNELS, *EVENT_TYPES)))


def event_fields(
    kind: str, data: bytes, *, written_ms: int, user: str = "", symbols: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """Fields of one entry: type, data (a JSON object), ts (ms), and where given user and symbols (comma-separated).

    ``user`` limits an event to that user id, ``symbols`` to clients who may see one of them. Raises InputError when
    ``data`` is no JSON object or ``kind`` no plain word.
    """
    if not TYPE_NAME.fullmatch(kind):
        raise InputError(f"message type {kind!r} has characters outside A-Z a-z 0-9 _ . -")
    try:
        data.decode()  # the decoder leaves the texts inside as they are
        msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"data is no JSON object: {error}", mend='give an object such as {"title":"…"}') from None
    fields = {"type": kind.encode(), "data": data, "ts": str(written_ms).encode()}
    if user:
        fields["user"] = user.encode()
    if symbols:
        fields["symbols"] = ",".join(symbols).encode()
    return fields
