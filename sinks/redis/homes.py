"""Which shard a symbol is of, in a Redis Cluster: the maps ``md:shards`` of trades and ``md:quote-shards`` of quotes.

Writers keep them and readers look into them. A writer claims a symbol before it writes it, so whatever has keys is in
the map. Of a symbol that stands in several partitions the map names the lowest; each writer that claims it is told of
the others, and of trades one event tells it to operators (docs/adr/0022-symbol-in-two-partitions.md). On one server
there is no map, since names don't say a shard.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

import redis

from schemas.channels import ENTRIES_KEPT, event_fields
from schemas.names import EVENTS_STREAM, NOWHERE, QUOTE_SHARDS_KEY, SHARDS_KEY, RedisKeys
from sinks.redis.cluster import ClusterClient

__all__ = ["CLAIM", "Claims", "keys_of_symbols"]

CLAIM: Final = files(__package__).joinpath("claim_symbols.lua").read_text("utf-8")
CALL_SYMBOLS_MAX: Final = 1_000
CHECK_S: Final = 3.0


def keys_of_symbols(client: redis.Redis, symbols: Sequence[str]) -> Callable[[str], RedisKeys]:
    """Which keys each of ``symbols`` has in the Redis of ``client``, as it is now."""
    if not isinstance(client, ClusterClient):
        plain = RedisKeys()
        return lambda _: plain
    trades, quotes = (_shards(client, key, symbols) for key in (SHARDS_KEY, QUOTE_SHARDS_KEY))
    return lambda symbol: RedisKeys(trades.get(symbol, NOWHERE), quotes.get(symbol))


def _shards(client: redis.Redis, map_key: str, symbols: Sequence[str]) -> dict[str, int]:
    shards: dict[str, int] = {}
    for at in range(0, len(symbols), CALL_SYMBOLS_MAX):
        part = symbols[at : at + CALL_SYMBOLS_MAX]
        held: Any = client.hmget(map_key, list(part))
        shards |= {name: int(text.partition(b":")[0]) for name, text in zip(part, held, strict=True) if text}
    return shards


class Claims:
    """Keeps the symbols of a writer's shards in a map; used by one thread. ``source``: who tells operators of split
    symbols; None where nobody does."""

    def __init__(self, client: ClusterClient, source: str | None, map_key: str = SHARDS_KEY) -> None:
        self._client = client
        self._map_key = map_key
        self._source = source
        self._script = client.register_script(CLAIM)
        self._claimed: dict[int, int] = {}
        self._checked_s = 0.0

    def forget(self) -> None:
        """The map may have lost what was claimed: claim it again."""
        self._claimed.clear()

    def claim(self, shard: int, epoch: int, count: int, named: Callable[[int], str]) -> Iterator[tuple[str, list[int]]]:
        """Claim those of a shard's ``count`` symbols that aren't yet; ``named``: the symbol of a number.

        Yields each that another shard has too, with the shards in order. Raises the client library's errors.
        """
        if self._claimed.get(shard, 0) == count and not self._is_lost(shard, named):
            return
        for first in range(self._claimed.get(shard, 0), count, CALL_SYMBOLS_MAX):
            symbols = [named(number) for number in range(first, min(first + CALL_SYMBOLS_MAX, count))]
            shared: Any = self._script([self._map_key], [shard, epoch, *symbols])
            for symbol, other in zip(shared[::2], shared[1::2], strict=True):
                shards = sorted((shard, int(other)))
                if self._source is not None:
                    self._tell(symbol.decode(), shards)
                yield symbol.decode(), shards
        self._claimed[shard] = count

    def _is_lost(self, shard: int, named: Callable[[int], str]) -> bool:
        """Whether the map was emptied, looked for once in CHECK_S."""
        now_s = time.monotonic()
        if now_s - self._checked_s < CHECK_S or not self._claimed.get(shard):
            return False
        self._checked_s = now_s
        if self._client.hexists(self._map_key, named(0)):
            return False
        self.forget()
        return True

    def _tell(self, symbol: str, shards: list[int]) -> None:
        """An event, as the script of one server adds it; once, unless this process ends between the two writes."""
        known_key, said = f"md:two-partitions:symbol:{symbol}", ",".join(map(str, shards))
        if self._client.get(known_key) == said.encode():
            return
        data = {
            "id": f"two-partitions:{symbol}", "severity": "critical", "category": "data-quality",
            "title": "Symbol in several partitions",
            "message": f"{symbol} has trades in partitions {', '.join(map(str, shards))}: its bars lack trades",
            "source": self._source, "actionItems": ["tapeflow rekey"], "symbol": symbol, "partitions": shards,
        }  # fmt: skip
        now_ms = time.time_ns() // 1_000_000
        fields: Any = event_fields("alert", json.dumps(data).encode(), written_ms=now_ms, symbols=(symbol,))
        self._client.xadd(EVENTS_STREAM, fields, maxlen=ENTRIES_KEPT, approximate=True)
        self._client.set(known_key, said)
