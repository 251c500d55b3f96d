"""The reader: Redis streams into the hub, and what the hub wants loaded from Redis.

One task follows every ``md:deltas:<shard>``, ``md:events`` and the channel streams; another answers the hub's loads in
pipelines. Of open bars a stream says only that they moved; those that somebody watches are read from their keys. No
entry is skipped unseen. Redis counts what was ever added to a stream, the reader counts what it read. When the two
disagree, or the stream went back, or ``md:epoch`` changed, every client of the shard gets a whole state. A channel has
no whole state: there every entry still held that was not read yet is delivered, once. The start position is taken
before the first load, so a load never misses a delta. A start reads the newest entries of each shard again, so that a
client that comes from another gateway can resume here; old messages do no harm, as sequences sort them out.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from core.fanout.hub import Hub, Load
from core.fanout.messages import (
    BarMessage,
    ChannelMessage,
    TickerMessage,
    decode_bar,
    decode_batch,
    decode_moved,
    decode_quote,
    decode_ticker,
)
from gateway.stores.events import EventId, Trail, decode_event, parse_event_id
from gateway.stores.existing import existing
from gateway.stores.homes import Homes
from gateway.stores.redis_pool import REDIS_ERRORS, Redis, names_of
from gateway.stores.redis_streams import StreamReads
from gateway.ws.watchlist_reader import WatchlistReader
from schemas.channels import ALERTS, CHANNELS, channel_stream
from schemas.names import CONTROL_CHANNEL, WATCHLISTS_CHANNEL
from schemas.traces import LINKS_MAX, TRACEPARENT

__all__ = ["Fanout"]

BLOCK_MS: Final = 250
CHECK_S: Final = 1.0
COUNT: Final = 200
WARM_PAGE: Final = 200  # entries read again at once
MOVED_KEYS: Final = 500  # in one MGET
PROBED_SHARDS: Final = 64  # looked for beyond the highest one known
RETRY_S: Final = 0.2
FIELD: Final = TRACEPARENT.encode()
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Position:
    """How far one stream was read. ``added``: entries ever added to it up to ``last``, -1 before Redis 7."""

    shard: int  # -1 for a channel
    last: EventId
    added: int


class Fanout:
    """Feeds ``hub``. ``on_input`` is called after each read; ``now_ms`` is the clock of all gateway files."""

    def __init__(
        self,
        redis: Redis,
        hub: Hub,
        now_ms: Callable[[], int],
        *,
        on_input: Callable[[], None] = lambda: None,
    ) -> None:
        self._redis, self._hub, self._now_ms, self._on_input = redis, hub, now_ms, on_input
        self._names, self._homes, self._reads = names_of(redis), Homes(redis), StreamReads(redis)
        self._lists = WatchlistReader(redis, hub.watchlists)
        self._positions: dict[str, Position] = {}
        self._channels = {channel_stream(channel): channel for channel in CHANNELS}
        self._trails = {name: Trail() for name in self._channels}
        self._epochs: dict[str, Any] = {}
        self._checked_s = 0.0
        self._shards: set[int] = set()  # named by symbols, looked for whatever their number
        self._probed: set[int] = set()
        self._found: list[str] = []
        self._shards_there = 1
        self._moved: dict[tuple[str, str], tuple[int, int]] = {}  # (symbol, interval) → shard, the flow's time in ms
        self._wanted = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.connected = False
        self._started = False
        self._traceparents: list[str] = []

    async def start(self) -> None:
        """Takes the start positions; raises the client library's errors when Redis doesn't answer."""
        await self._check()
        self.connected = self._started = True

    def take_traceparents(self) -> list[str]:
        """Contexts of the writes whose entries were read since the last time, at most LINKS_MAX."""
        taken, self._traceparents = self._traceparents, []
        return taken

    def wake_loader(self) -> None:
        self._wanted.set()

    # Streams.

    async def read_for_ever(self) -> None:
        """Reads until cancelled; Redis may go and come back."""
        with closing(self._reads):
            while True:
                try:
                    if time.monotonic() - self._checked_s >= CHECK_S or not self.connected:
                        await self._check()
                        self.connected = True
                    await self._read()
                except REDIS_ERRORS as error:
                    if self.connected:
                        log.warning("redis_lost", error=str(error))
                    self.connected = False
                    await asyncio.sleep(RETRY_S)

    async def _read(self) -> None:
        streams = {name: str(position.last) for name, position in self._positions.items()}
        if not streams:
            await asyncio.sleep(BLOCK_MS / 1000)
            return
        # Bars first: an entry that was written before they were read is then applied before they are.
        moved = self._moved
        bars = await self._read_bars(list(moved))
        answer = await self._reads.read(streams, COUNT, None if moved else BLOCK_MS)
        self._moved = {}
        for name, entries in answer:
            position = self._positions[name]
            for entry_id, fields in entries:
                self._take(name, position, entry_id, fields)
            position.last = parse_event_id(entries[-1][0].decode())
            position.added += len(entries) if position.added >= 0 else 0
        for room, bar in bars.items():
            shard, written_ms = moved[room]
            self._hub.apply(shard, [bar], written_ms)
        if answer or bars:
            self._on_input()

    async def _read_bars(self, rooms: Sequence[tuple[str, str]]) -> dict[tuple[str, str], BarMessage]:
        """The newest bar of each (symbol, interval) that has one."""
        found: dict[tuple[str, str], BarMessage] = {}
        for part in (rooms[at : at + MOVED_KEYS] for at in range(0, len(rooms), MOVED_KEYS)):
            keys = [self._names.keys(self._moved[room][0]).candle(*room) for room in part]
            values: Any = await self._redis.mget(keys)
            for room, key, value in zip(part, keys, values, strict=True):
                try:
                    found |= {room: decode_bar(value)} if value is not None else {}
                except ValueError as error:
                    log.error("redis_value_refused", key=key, error=str(error))
        return found

    def _take(self, name: str, position: Position, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        self.counts["entries"] += 1
        written_ms = _whole(fields.get(b"ts", b""))
        if position.shard >= 0:
            try:
                messages = decode_batch(fields.get(b"batch", b""))
                self._note_moved(position.shard, fields.get(b"moved", b""), written_ms)
            except (ValueError, RecursionError) as error:
                self.counts["bad_entries"] += 1
                log.error("stream_entry_refused", stream=name, id=entry_id.decode(), error=str(error))
                self._hub.reset(position.shard)  # what it said is unknown: clients start again from Redis
                return
            self._hub.apply(position.shard, messages, written_ms)
            if self._started and (context := fields.get(FIELD)) and len(self._traceparents) < LINKS_MAX:
                self._traceparents.append(context.decode("latin-1"))
            return
        if not self._trails[name].add(entry_id, fields):
            return  # met again after the stream was entered anew
        message = _channel_message(self._channels[name], entry_id, fields, written_ms)
        if message is not None:
            self._hub.publish(message)

    def _note_moved(self, shard: int, moved: bytes, written_ms: int) -> None:
        registry = self._hub.registry
        for interval, symbols in decode_moved(moved if registry.bars else b"").items():
            for symbol in symbols:
                if registry.has_bars(symbol, interval):
                    self._moved.setdefault((symbol, interval), (shard, written_ms))

    async def _check(self) -> None:
        """Finds new shards, and every way in which a stream can have lost what was not read yet."""
        self._checked_s = time.monotonic()
        highest = max((p.shard for p in self._positions.values()), default=-1)
        shards = self._shards | set(range(highest + 1 + PROBED_SHARDS))
        streams = {self._names.deltas(shard): shard for shard in sorted(shards)}
        names = [*streams, *self._channels]
        epochs = await self._read_epochs({streams[name] for name in self._found if name in streams})
        found = self._found = await existing(self._redis, names, self._found)
        if any(self._epochs.get(key) not in (None, epoch) for key, epoch in epochs.items()):
            log.warning("redis_replaced", consequence="every client starts again")
            self.counts["epochs"] += 1
            self._positions.clear()
            self._hub.reset(new_epoch=True)
        self._epochs = epochs
        self._probed = shards
        self._shards_there = len(set(found) - set(self._channels))
        for name in set(self._positions) - set(found):
            self._lost(name, "the stream is gone")
            del self._positions[name]
        pipeline = self._redis.pipeline(transaction=False)
        for name in found:
            pipeline.xinfo_stream(name)
        for name, info in zip(found, await pipeline.execute(), strict=True):
            await self._check_stream(name, info)
        for name in self._channels:  # from its first entry on, once it is there
            self._positions.setdefault(name, Position(-1, EventId(0, 0), 0))
            self._trails[name].settle()

    async def _read_epochs(self, shards: Collection[int]) -> dict[str, Any]:
        """By key: one for all on one server, also before there is a shard; one of each shard in a cluster."""
        keys = list({self._names.epoch(shard) for shard in shards or (() if self._names.clustered else (0,))})
        return dict(zip(keys, await self._redis.mget(keys), strict=True)) if keys else {}

    async def _check_stream(self, name: str, info: Mapping[str, Any]) -> None:
        last = parse_event_id(_text(info["last-generated-id"]))
        added, length = int(info.get("entries-added", -1)), int(info["length"])
        position = self._positions.get(name)
        if position is None:
            await self._enter(name, last, added)
        elif last < position.last:
            self._lost(name, "the stream went back")
            await self._enter(name, last, added)
        elif added >= 0 and position.added >= 0:
            caught_up = last == position.last
            if (caught_up and added != position.added) or (not caught_up and added - length > position.added):
                self._lost(name, "entries were trimmed before they were read")
                await self._enter(name, last, added)

    def _lost(self, name: str, why: str) -> None:
        position = self._positions[name]
        if position.shard >= 0 or position.added > 0:
            self.counts["gaps"] += 1
            log.warning("input_gap_found", stream=name, reason=why)
        if position.shard >= 0:
            self._hub.reset(position.shard)

    async def _enter(self, name: str, last: EventId, added: int) -> None:
        """Follows a shard after ``last``, reading entries before that again for their history; a channel likewise at
        the start, later after the newest entry that was read (of a new stream: from its first on)."""
        if name in self._channels:
            waiting = 0
            if self._started:
                last, waiting = await self._trails[name].rejoin(self._redis, name, last)
            else:
                await self._trails[name].seed(self._redis, name, last)
            self._positions[name] = Position(-1, last, added - waiting if added >= 0 else -1)
            return
        shard = int(name.rpartition(":")[2].strip("{}"))
        position = self._positions[name] = Position(shard, last, added)
        entries = await self._newest_entries(name, last)
        if self._started and added != len(entries):
            self._hub.reset(shard)  # it began unseen: clients may have loaded before entries that can't be read now
        for entry_id, fields in reversed(entries):
            self._take(name, position, entry_id, {**fields, b"ts": b"0"})

    async def _newest_entries(self, name: str, last: EventId) -> list[Any]:
        """Entries up to ``last``, newest first, as many as fit into this shard's part of the hub's memory."""
        entries: list[Any] = []
        until, left = str(last), self._hub.limits.history_bytes // 2 // max(1, self._shards_there)
        while left > 0:
            page: Any = await self._redis.xrevrange(name, max=until, count=WARM_PAGE)
            entries += page
            if len(page) < WARM_PAGE:
                break
            left -= sum(len(fields.get(b"batch", b"")) for _, fields in page)
            until = "(" + page[-1][0].decode()
        return entries

    # Loads.

    async def load_for_ever(self) -> None:
        """Answers the hub's loads until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            loads, lists = self._hub.take_loads(self._now_ms()), self._hub.watchlists.take_wanted()
            if loads:
                await self._load(loads)
            if lists:
                await self._lists.load(lists, self._now_ms())
            if loads or lists:
                self._on_input()

    async def _load(self, loads: Sequence[Load]) -> None:
        try:
            keys_of = await self._homes.keys_of([load.key[1] for load in loads])
            pipeline = self._redis.pipeline(transaction=True)  # live bar and final bars of one moment
            for load in loads:
                symbol, keys = load.key[1], keys_of(load.key[1])
                if load.key[0] == "ticker":
                    pipeline.get(keys.price(symbol))
                    pipeline.hget(keys.symbol(symbol), "shard")
                    pipeline.get(keys.quote(symbol))  # in a cluster perhaps of another slot
                else:
                    pipeline.get(keys.candle(symbol, load.key[2]))
                    pipeline.zrange(keys.candles(symbol, load.key[2]), -max(1, load.bars), -1)
            answers: list[Any] = await pipeline.execute()
        except REDIS_ERRORS as error:
            log.warning("load_failed", rooms=len(loads), error=str(error))
            for load in loads:
                self._hub.load_failed(load, self._now_ms())
            return
        self.counts["loads"] += len(loads)
        told = iter(answers)
        for load in loads:
            first, second, quote = next(told), next(told), next(told) if load.key[0] == "ticker" else None
            try:
                self._loaded(load, first, second, quote)
            except ValueError as error:
                log.error("redis_value_refused", key=":".join(load.key), error=str(error))
                self._hub.load_failed(load, self._now_ms())

    def _loaded(self, load: Load, first: Any, second: Any, quote: Any) -> None:
        if load.key[0] == "bars":
            newest: list[BarMessage] = [decode_bar(first)] if first is not None else []
            self._hub.loaded_bars(load, [*map(decode_bar, second), *newest], self._now_ms())
            return
        shard = _whole(second or b"", -1)
        if shard >= 0 and shard not in self._probed:
            # Nobody looked for its stream yet: follow that first, then load again.
            self._shards.add(shard)
            self._checked_s = 0.0
            self._hub.load_failed(load, self._now_ms())
            return
        snapshot: TickerMessage | None = None if first is None else decode_ticker(first)
        if load.generation == self._hub.generation:
            self._hub.quotes.loaded(load.key[1], None if quote is None else decode_quote(quote))
        self._hub.loaded_ticker(load, snapshot, shard, self._now_ms())

    # Control.

    async def control_for_ever(self) -> None:
        """Obeys ``market-data:control``, and hears of edits of watchlists, until cancelled."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CONTROL_CHANNEL, WATCHLISTS_CHANNEL)
                    while True:
                        message = await pubsub.get_message(timeout=1.0)
                        if message is not None and message["type"] == "subscribe":
                            # At first, and after the client connected anew by itself: nobody told of edits meanwhile.
                            self._hub.watchlists.all_changed()
                            self.wake_loader()
                        elif message is not None and message["channel"] == WATCHLISTS_CHANNEL.encode():
                            self._lists.edited(message["data"])
                            self.wake_loader()
                        elif message is not None:
                            self._control(message["data"])
            except REDIS_ERRORS:
                await asyncio.sleep(RETRY_S)

    def _control(self, data: bytes) -> None:
        try:
            action = msgspec.json.decode(data, type=dict[str, object]).get("action")
        except (ValueError, RecursionError):
            action = None
        log.info("control_received", action=str(action)[:64])
        if action == "pause":
            self._hub.pause()
        elif action == "resume":
            self._hub.resume()
            self._on_input()


def _channel_message(
    channel: str, entry_id: bytes, fields: Mapping[bytes, bytes], written_ms: int
) -> ChannelMessage | None:
    time_ms = written_ms or parse_event_id(entry_id.decode()).ms
    kind, data = fields.get(b"type", b"").decode("utf-8", "replace"), fields.get(b"data", b"")
    if channel == ALERTS:
        event = decode_event(parse_event_id(entry_id.decode()), dict(fields))
        if event is None or event.kind != "alert":
            return None
        return ChannelMessage(channel, kind, data, time_ms, event.user, event.symbols)
    try:
        msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return None
    user = fields.get(b"user", b"").decode("utf-8", "replace")
    symbols = tuple(filter(None, fields.get(b"symbols", b"").decode("utf-8", "replace").split(",")))
    return ChannelMessage(channel, kind or channel, data, time_ms, user, symbols)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _whole(text: bytes, default: int = 0) -> int:
    return int(text) if text.isdigit() else default
