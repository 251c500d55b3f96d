"""Reads the stream of events back from Redis, for proofs: what was told of a desk's alerts, and what rules fired.

Ids and states alone are handed on, in the order of the stream, so that whoever compares them sees what came twice.
Others' entries are passed over.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import redis

from schemas.channels import ALERTS, CHANNEL_TYPES, ENTRIES_KEPT
from schemas.names import EVENTS_STREAM

__all__ = ["holds_all", "read_sent_alerts", "read_sent_firings"]

ENTRIES: Final = 1_000
PRICE_ALERT: Final = "price_alert"


class _Told(msgspec.Struct):
    id: str = ""
    state: str = ""


def holds_all(client: redis.Redis) -> bool:
    """Whether the stream is so short that none of its entries can have been cut off."""
    asked: Any = client
    return bool(asked.xlen(EVENTS_STREAM) < ENTRIES_KEPT)


def read_sent_alerts(client: redis.Redis, prefix: str) -> list[tuple[str, str]]:
    """Id and state of each alert whose id begins so."""
    told = _entries(client, CHANNEL_TYPES[ALERTS])
    return [(each.id, each.state) for each in told if each.id.startswith(prefix)]


def read_sent_firings(client: redis.Redis) -> list[str]:
    """Ids of the price alerts."""
    return [each.id for each in _entries(client, PRICE_ALERT)]


def _entries(client: Any, kind: str) -> Iterator[_Told]:
    last = b"-"
    while entries := client.xrange(EVENTS_STREAM, last, b"+", ENTRIES):
        last = b"(" + entries[-1][0]
        for _, fields in entries:
            if fields[b"type"] == kind.encode():
                yield msgspec.json.decode(fields[b"data"], type=_Told)
