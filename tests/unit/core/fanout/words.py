"""Short words for tests of the hub: a client that keeps what it is sent, and messages as the flow writes them."""

import json
from typing import Any

from core.fanout.client import Client, HubLimits
from core.fanout.dialect import Dialect, Variant
from core.fanout.hub import Hub
from core.fanout.messages import decode_batch, decode_ticker
from gateway.ws.dialects.analytics import AnalyticsDialect
from gateway.ws.dialects.candles import CandlesDialect
from gateway.ws.dialects.prices import PricesDialect

PRICES, CANDLES, ANALYTICS = (
    Variant(dialect.name, dialect, lambda messages: b"\n".join(messages) + b"\n")
    for dialect in (PricesDialect(), CandlesDialect(), AnalyticsDialect())
)


def make_client(hub: Hub, variant: Variant = PRICES, now_ms: int = 0, **options: Any) -> Client:
    client = Client("c", variant, now_ms, hub.limits, **options)
    hub.connect(client, now_ms)
    return client


def snapshot(symbol: str, sequence: int) -> dict[str, Any]:
    return {"type": "snapshot", "symbol": symbol, "price": sequence, "sequence": sequence}


def delta(symbol: str, previous: int, sequence: int) -> dict[str, Any]:
    return {"type": "delta", "symbol": symbol, "price": sequence, "sequence": sequence, "previous": previous}


def bar(start: int, sequence: int, *, final: bool = False, close: int = 1, revision: int = 0) -> dict[str, Any]:
    head = {"type": "bar", "symbol": "A", "interval": "1m", "time": start, "sequence": sequence}
    return {**head, "final": final, "close": close, "revision": revision}


def feed(hub: Hub, *messages: dict[str, Any], shard: int = 0) -> None:
    hub.apply(shard, decode_batch(json.dumps(messages).encode()), 1)


def answer(hub: Hub, held: dict[str, dict[str, Any]], now_ms: int = 0) -> int:
    """Answers every ticker load from ``held``; how many there were."""
    loads = hub.take_loads(now_ms)
    for load in loads:
        found = held.get(load.key[1])
        hub.loaded_ticker(load, None if found is None else decode_ticker(json.dumps(found).encode()), 0, now_ms)
    return len(loads)


def sent(hub: Hub, client: Client, now_ms: int) -> list[Any]:
    """What a flush gives ``client``."""
    hub.flush(now_ms)
    data = b"".join(client.out)
    client.out.clear()
    return [json.loads(line) for line in data.splitlines()]


__all__ = [
    "ANALYTICS",
    "CANDLES",
    "PRICES",
    "Dialect",
    "HubLimits",
    "answer",
    "bar",
    "delta",
    "feed",
    "make_client",
    "sent",
    "snapshot",
]
