"""Publishes the newest quote of each symbol to Redis: a key per symbol, and a stream that tells what changed.

Bytewax items are (shard key, QuoteStates). One thread and one connection serve all partitions. A script compares the
sequence of each quote with that of its key, so a crash, a replay or a second writer changes nothing, and no reader sees
a quote go back. What a shard has published is kept here, so that a Redis that lost its data is filled again from it.
``snapshot`` returns when all that was handed over is in Redis; a Redis that is down is waited for.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np
import redis
import structlog

from schemas.contract import SEQUENCE_BITS
from schemas.names import QUOTE_SHARDS_KEY, UPDATES_CHANNEL, RedisKeys
from schemas.quotes import QUOTE_STATE, QuoteRows, QuoteStates
from sinks.handover import Handover
from sinks.redis.cluster import ClusterClient
from sinks.redis.encode import TextTable
from sinks.redis.homes import CLAIM, Claims
from sinks.redis.quote_json import quote_messages
from sinks.redis.scripted import Scripted
from sinks.redis.scripts import APPLY_QUOTES
from sinks.shared import SharedSink

__all__ = ["QuotesSink", "QuotesWriter"]

CALL_QUOTES_MAX: Final = 2_000
"""Quotes of one call of the script: Lua's unpack takes under 8,000 values, MSET two per quote."""
STREAM_KEPT_MS: Final = 15_000
"""For how long entries of the stream are kept: a gateway that is further behind reads the keys again."""
WAITING_MAX: Final = 64
LOOK_S: Final = 3.0
"""After so long without a quote, and again after each such time: is this still the Redis that we filled?"""

_log = structlog.get_logger()


class ShardQuotes:
    """What one shard has published: QUOTE_STATE by symbol number, the keys and names that messages need."""

    def __init__(self, keys: RedisKeys) -> None:
        self._symbols, self._exchanges = TextTable(), TextTable()
        self._named = keys
        self.names: list[str] = []
        self._keys: list[str] = []
        self._rows: QuoteRows = np.zeros(64, QUOTE_STATE)
        self._rows["sequence"] = -1
        self.source_epoch = 0

    def absorb(self, updates: Sequence[QuoteStates]) -> QuoteRows:
        """The newest row of each symbol in ``updates``, which are in order."""
        for update in updates:
            self._learn(update)
            self._rows[update.rows["symbol"]] = update.rows
        changed = np.unique(np.concatenate([update.rows["symbol"] for update in updates]))
        newest: QuoteRows = self._rows[changed]
        self.source_epoch = max(self.source_epoch, int(newest["sequence"].max(initial=0)) >> SEQUENCE_BITS)
        return newest

    def everything(self) -> QuoteRows:
        known: QuoteRows = self._rows[self._rows["sequence"] >= 0]
        return known

    def packed(self, rows: QuoteRows) -> bytes:
        """As the script reads them."""
        messages = quote_messages(rows, self._symbols.texts, self._exchanges.texts)
        parts: list[Any] = []
        for number, sequence, message in zip(rows["symbol"].tolist(), rows["sequence"].tolist(), messages, strict=True):
            parts += (self._keys[number], sequence, message.decode())
        return msgspec.msgpack.encode(parts)

    def _learn(self, update: QuoteStates) -> None:
        for symbol in update.symbols[len(self._keys) :]:
            self._symbols.add(symbol.encode())
            self.names.append(symbol)
            self._keys.append(self._named.quote(symbol))
        for exchange in update.exchanges[len(self._exchanges) :]:
            self._exchanges.add(msgspec.json.encode(exchange))
        if len(self._keys) > len(self._rows):
            more = np.zeros(2 * len(self._keys) - len(self._rows), QUOTE_STATE)
            more["sequence"] = -1
            self._rows = np.concatenate([self._rows, more])


class QuotesWriter:
    """Owns the connection and what each shard has published; used by one thread."""

    def __init__(self, url: str, stop: threading.Event | None = None, *, publish_updates: bool = False) -> None:
        self._redis = Scripted(url, stop)
        self._channel = UPDATES_CHANNEL if publish_updates else ""
        self._script = self._redis.script(APPLY_QUOTES)
        client = self._redis.client
        self._claims = Claims(client, None, QUOTE_SHARDS_KEY) if isinstance(client, ClusterClient) else None
        self._shards: dict[int, ShardQuotes] = {}

    def write(self, updates: Sequence[QuoteStates]) -> None:
        """Publish what is newest; returns when Redis took all of it. Raises Unreachable when stopped while it is down,
        SettingError for a right that is missing, WriteFailed for any other refusal."""
        waiting: dict[int, list[QuoteStates]] = {}
        for update in updates:
            waiting.setdefault(update.shard, []).append(update)
        for shard, those in waiting.items():
            held = self._shards.setdefault(shard, ShardQuotes(self._redis.names.keys(shard)))
            newest = held.absorb(those)
            if self._claims is not None:
                self._redis.persist(partial(self._claim, self._claims, shard, held), CLAIM)
            self._publish(shard, held, newest)

    def look(self) -> None:
        """In a quiet market no write tells that Redis came back empty: one small call does. Waits out no outage."""
        try:
            for shard, held in self._shards.items():
                if self._claims is not None:
                    self._redis.attempt(partial(self._claim, self._claims, shard, held))
                if not self._redis.attempt(partial(self._call, shard, b"")):
                    self._publish(shard, held, held.everything())
        except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException, OSError):
            return  # the next write says so, or waits

    def close(self) -> None:
        self._redis.close()

    def _claim(self, claims: Claims, shard: int, held: ShardQuotes) -> None:
        """That quotes of a symbol stand in two partitions changes nothing: live tells of trades that do."""
        for _ in claims.claim(shard, held.source_epoch, len(held.names), held.names.__getitem__):
            pass

    def _publish(self, shard: int, held: ShardQuotes, rows: QuoteRows) -> None:
        calls = [self._send(shard, held, rows[at : at + CALL_QUOTES_MAX]) for at in _starts(rows)]
        if not all(calls):
            everything = held.everything()
            if len(everything) > len(rows):
                _log.warning("redis_emptied", where=self._redis.where, consequence="every quote is published again")
                for at in _starts(everything):
                    self._send(shard, held, everything[at : at + CALL_QUOTES_MAX])

    def _send(self, shard: int, held: ShardQuotes, rows: QuoteRows) -> bool:
        """Whether Redis held what the shard had published before."""
        return self._redis.persist(partial(self._call, shard, held.packed(rows)), APPLY_QUOTES)

    def _call(self, shard: int, packed: bytes) -> bool:
        arguments: list[int | str | bytes] = [time.time_ns() // 1_000_000, STREAM_KEPT_MS, self._channel, packed]
        names = self._redis.names
        reply: Any = self._script([names.quotes_filled(shard), names.quotes(shard)], arguments)
        return bool(reply[0])


def _starts(rows: QuoteRows) -> range:
    return range(0, len(rows), CALL_QUOTES_MAX)


class QuotesSink(SharedSink[QuoteStates]):
    """Items: (shard key, QuoteStates). ``shards``: how many partitions the topic has.

    ``on_written``: called by the writer thread with what Redis took.
    """

    def __init__(
        self,
        url: str,
        shards: int,
        *,
        publish_updates: bool = False,
        stop: threading.Event | None = None,
        on_written: Callable[[Sequence[QuoteStates]], None] = lambda _: None,
    ) -> None:
        self._on_written = on_written
        self._writer = QuotesWriter(url, stop, publish_updates=publish_updates)
        self._handover: Handover[QuoteStates] = Handover(
            self._write, name="quotes-writer", depth=WAITING_MAX, look=self._writer.look, look_s=LOOK_S
        )
        super().__init__(shards, (self._handover,), {"Redis": self._writer.close})

    def put(self, partition: int, item: QuoteStates) -> None:  # noqa: ARG002 - it says so itself
        self._handover.put(item)

    def _write(self, updates: list[QuoteStates]) -> None:
        self._writer.write(updates)
        self._on_written(updates)

    @property
    def is_behind(self) -> bool:
        """Whether updates should be held back where they can be; a hint, of this process alone."""
        return self._handover.waiting >= max(self.parts, 1)
