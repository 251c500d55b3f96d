"""What a hub says about itself: counts of clients and rooms, for the pages of health and the metrics.

The server asks when a page is asked for and every few seconds. Rooms of candles are listed one by one, those of all
views of one symbol and interval as one, and at most ROOMS_MAX of them; what is counted covers all of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from core.fanout.hub import Hub
from schemas.intervals import INTERVALS

__all__ = ["ROOMS_MAX", "candle_stats", "hub_stats"]

ROOMS_MAX: Final = 1_000


def hub_stats(hub: Hub) -> dict[str, object]:
    """Counts by name; times in ms since the epoch, None for never."""
    counts = hub.delivery.counts
    return {
        "clients": len(hub.clients),
        "subscriptions": sum(len(client.rooms) for client in hub.clients),
        "rooms": sum(1 for room in hub.registry.all() if room.members),
        "symbolsKnown": len(hub.registry.tickers),
        "slowClients": sum(1 for client in hub.clients if client.held),
        "backlog": sum(len(client.backlog) for client in hub.clients if client.backlog),
        "historyBytes": hub.registry.history_bytes,
        "paused": hub.paused,
        "lastBroadcast": hub.last_broadcast_ms or None,
        **{name: counts[name] for name in sorted(counts)},
    }


def candle_stats(hub: Hub) -> dict[str, Mapping[str, Any]]:
    """``broadcaster``: rooms of candles by ``SYMBOL:INTERVAL``; ``aggregator``: how many one-minute bars are held."""
    rooms: dict[str, dict[str, Any]] = {}
    minutes = 0
    for (symbol, interval, _view), room in hub.registry.bars.items():
        if interval == INTERVALS[0].name:
            minutes += len(room.bars)
        key = f"{symbol}:{interval}"
        entry = rooms.setdefault(key, {"key": key, "clientCount": 0, "hasCandle": False, "lastBroadcast": None})
        entry["clientCount"] += room.members
        entry["hasCandle"] |= bool(room.bars)
        entry["lastBroadcast"] = max(entry["lastBroadcast"] or 0, room.sent_ms) or None
    listed = [rooms[key] for key in sorted(rooms)][:ROOMS_MAX]
    return {
        "broadcaster": {"totalRooms": len(rooms), "totalClients": len(hub.clients), "rooms": listed},
        "aggregator": {"oneMinuteCandlesCount": minutes},
    }
