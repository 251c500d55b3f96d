"""What a hub counts, and the rooms of candles as its page of health lists them."""

import json

from core.fanout.client import HubLimits
from core.fanout.dialect import ALL_BARS, Subscribe
from core.fanout.hub import Hub
from core.fanout.messages import decode_bar
from core.fanout.stats import candle_stats, hub_stats
from tests.unit.core.fanout.words import CANDLES, bar, feed, make_client, sent


def test_stats_count_what_is_there() -> None:
    hub = Hub(HubLimits())
    hub.command(make_client(hub), Subscribe((("ticker", "A"),)), 0)
    stats = hub_stats(hub)
    assert (stats["clients"], stats["subscriptions"], stats["rooms"]) == (1, 1, 1)
    assert stats["lastBroadcast"] is None


def test_views_of_one_symbols_bars_are_one_room_of_candles() -> None:
    hub = Hub(HubLimits())
    clients = [make_client(hub, CANDLES) for _ in range(3)]
    for client, (interval, view) in zip(clients, (("1m", ""), ("1m", ALL_BARS), ("5m", "")), strict=True):
        hub.command(client, Subscribe((("bars", "A", interval, view),)), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())] if load.key[2] == "1m" else (), 0)
    for client in clients:
        sent(hub, client, 0)
    feed(hub, bar(60_000, 2))
    sent(hub, clients[0], 5_000)
    assert candle_stats(hub) == {
        "broadcaster": {
            "totalRooms": 2,
            "totalClients": 3,
            "rooms": [
                {"key": "A:1m", "clientCount": 2, "hasCandle": True, "lastBroadcast": 5_000},
                {"key": "A:5m", "clientCount": 1, "hasCandle": False, "lastBroadcast": None},
            ],
        },
        "aggregator": {"oneMinuteCandlesCount": 4},
    }
