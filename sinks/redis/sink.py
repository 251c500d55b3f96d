"""Writes live updates to Redis: tickers, live and final bars, and the stream that gateways fan out.

Bytewax items are (shard key, LiveUpdate); one thread and one connection per worker serve all its shards. Writes may be
repeated: the script guards by version, so Redis holds what exactly-once would leave. ``snapshot`` returns when all that
was handed over is in Redis. A Redis that is down, stalled or loading is waited for. One that came back without its
data, or without its last seconds, gets everything that this worker holds again. Two things are watched for that: which
server answers (its run id) and whose data it holds (md:epoch), because a restart from an old dump keeps the epoch. In a
Redis Cluster both are watched for each shard, which may move to another primary.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import redis
import structlog

from runtime.outage import heard, persist
from runtime.tracing.names import DB_OPERATION, DB_SYSTEM, UPDATES
from runtime.tracing.tracer import CLIENT, NOTHING, tracer
from schemas.names import UPDATES_CHANNEL, RedisKeys
from schemas.traces import Span
from sinks.handover import Handover
from sinks.redis.bounds import RedisBounds
from sinks.redis.connection import ends_half_way, is_outage, open_client, place
from sinks.redis.encode import KeyParts
from sinks.redis.refusals import refusal
from sinks.redis.scripts import APPLY_UPDATE, Call
from sinks.redis.servers import servers_of
from sinks.redis.state import LiveUpdate, ShardState
from sinks.shared import SharedSink

__all__ = ["LiveUpdate", "RedisSink", "RedisWriter"]

FINALS_KEPT: Final = 100_000
"""Final bars kept in memory to fill a Redis that lost them, over all shards: 21 MB."""
CALLS_MAX: Final = 128
"""Script calls in one pipeline: at most 32,000 messages, about 20 MB."""
ROWS_MAX: Final = 50_000
"""Rows from which on updates that waited together are no more joined: messages of so many take some 25 MB."""
WAITING_MAX: Final = 16
LOOK_S: Final = 3.0
"""After so long without an update, and again after each such time: is this still the Redis that we filled?"""
LONG_WRITE_S: Final = 0.2
REST_OF_PAST: Final = 9.0
"""How many times as long as tickers and open bars of the past took to write they then rest: a tenth of the time."""
SOURCE: Final = "tapeflow"
DEFAULTS: Final = RedisBounds()
ABOUT: Final = {DB_SYSTEM: "redis", DB_OPERATION: "EVALSHA"}

_log = structlog.get_logger()


class RedisWriter:
    """Owns the connection and the shards' states; used by one thread."""

    def __init__(
        self,
        url: str,
        *,
        bounds: RedisBounds = DEFAULTS,
        shards: int = 1,
        publish_updates: bool = False,
        finals_kept: int = 1000,
        stop: threading.Event | None = None,
        on_doubled: Callable[[str, list[int]], None] = lambda _symbol, _shards: None,
    ) -> None:
        self._client = open_client(url)
        self._servers = servers_of(self._client, SOURCE)
        self._names = self._servers.names
        self._on_doubled = on_doubled
        self._where = place(url)
        self._bounds = bounds.arguments(shards, alone=self._names.clustered)
        self._channel = UPDATES_CHANNEL if publish_updates else ""
        self._finals_kept = finals_kept
        self._stop = stop or threading.Event()
        self._states: dict[int, ShardState] = {}
        self._told: dict[int, tuple[tuple[str, str, str], RedisKeys]] = {}
        """What the script is told of each shard: its keys, and how those of its symbols are spelled."""
        self._asked = ""
        """The last command sent, which a refusal may not name."""
        self._digest = ""
        self._run_ids: dict[int, str] = {}
        """Of the server that was filled, by shard."""
        self._recognised = False
        self._epochs: dict[str, bytes] = {}
        self._traceparent = ""
        self._behind: set[int] = set()
        """Shards whose server may lack what was published before."""
        self._torn: set[int] = set()
        """Shards of which a script may have ended half-way, so that the stream lacks what keys have."""

    def write(self, updates: Sequence[LiveUpdate], span: Span = NOTHING) -> None:
        """Publish in order, what waited together as one up to ROWS_MAX; returns when Redis took all of it.

        span: that this is; who reads the stream goes on from it.
        Raises Unreachable when stopped while Redis is down, SettingError for a right that is missing, WriteFailed for
        any other refusal.
        """
        for joined in _up_to_rows_max(updates):
            self._write(joined, span)

    def _write(self, updates: Sequence[LiveUpdate], span: Span) -> None:
        waiting: dict[int, list[LiveUpdate]] = {}
        for update in updates:
            waiting.setdefault(update.shard, []).append(update)
        self._traceparent = span.traceparent
        remaining = ((shard, call) for shard, those in waiting.items() for call in self._state(shard).absorb(*those))
        begun_ns = time.time_ns()
        while calls := list(islice(remaining, CALLS_MAX)):
            encoded_ns = time.time_ns()
            span.part(("encode", begun_ns, encoded_ns))
            self._persist(calls)
            begun_ns = time.time_ns()
            span.part(("call", encoded_ns, begun_ns))

    def _persist(self, calls: Sequence[tuple[int, Call]]) -> None:
        try:
            persist(lambda: self._apply(calls), server="redis", where=self._where, is_outage=is_outage, stop=self._stop)
        except redis.exceptions.RedisError as error:
            raise refusal(error, self._client, self._where, self._asked, calls) from error

    def look(self) -> None:
        """In a quiet market no write tells that Redis came back empty: one small read does. Waits out no outage."""
        if not self._run_ids:
            return
        try:
            self._apply(())
        except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException, OSError):
            return  # the next write says so, or waits, and what is behind is remembered

    def close(self) -> None:
        self._client.close()

    def _state(self, shard: int) -> ShardState:
        state = self._states.get(shard)
        if state is None:
            names, keys = self._names, self._names.keys(shard)
            state = self._states[shard] = ShardState(KeyParts.of(keys), finals_kept=self._finals_kept, shard=shard)
            self._told[shard] = (names.epoch(shard), names.deltas(shard), names.symbols(shard)), keys
            self._recognised = False
        return state

    def _apply(self, calls: Sequence[tuple[int, Call]]) -> None:
        try:
            try:
                self._attempt(calls)
            except redis.exceptions.NoScriptError:
                # Redis was restarted behind a connection that the client renewed unseen, or told to forget scripts.
                self._recognised = False
                self._attempt(calls)
        except Exception as error:  # after any failure an old reply may still be on its way: never read on from it
            self._recognised = False
            self._servers.forget()
            if ends_half_way(error):
                self._torn.update(shard for shard, _ in calls)
            raise

    def _attempt(self, calls: Sequence[tuple[int, Call]]) -> None:
        self._recognise()
        self._mend()
        self._claim({shard for shard, _ in calls} | self._behind)
        if not calls:
            for key in {self._names.epoch(shard) for shard in self._states}:
                held = self._client.get(key)
                self._learn_epoch(key, held if isinstance(held, bytes) else b"")
        self._catch_up()
        self._run(calls)
        self._catch_up()  # an emptied Redis shows itself only by the epoch in its reply

    def _recognise(self) -> None:
        """After each new connection: load the script, and see whether these are the processes that we knew."""
        if self._recognised:
            return
        self._digest, run_ids = self._servers.recognise(APPLY_UPDATE, self._states, self._ask)
        if others := {shard for shard, run_id in run_ids.items() if self._run_ids.get(shard, run_id) != run_id}:
            _log.warning("redis_restarted", where=self._where, consequence="everything is published again")
            self._behind |= others
        self._run_ids, self._recognised = run_ids, True

    def _ask(self, command: str) -> None:
        self._asked = command

    def _mend(self) -> None:
        """Another epoch makes readers begin again, where the stream lacks what keys have."""
        for shard in sorted(self._torn):
            self._client.delete(self._names.epoch(shard))
            self._torn.remove(shard)

    def _claim(self, shards: Iterable[int]) -> None:
        for shard in shards:
            state = self._states[shard]
            for doubled in self._servers.claim(shard, state.source_epoch, state.symbol_count, state.symbol):
                self._on_doubled(*doubled)

    def _catch_up(self) -> None:
        if behind := set(self._behind):
            self._run((shard, call) for shard in sorted(behind) for call in self._states[shard].everything())
            self._behind -= behind

    def _run(self, calls: Iterable[tuple[int, Call]]) -> None:
        """Send the calls in pipelines of CALLS_MAX, and learn the epochs from the replies."""
        remaining = iter(calls)
        while group := list(islice(remaining, CALLS_MAX)):
            now_ms, offered_epoch = time.time_ns() // 1_000_000, secrets.token_hex(8)
            commands = [
                (shard, (
                    "EVALSHA", self._digest, 3, *self._told[shard][0], offered_epoch, now_ms, *self._bounds, shard,
                    self._channel, SOURCE, *packed, self._traceparent, self._told[shard][1].tag,
                ))
                for shard, packed in group
            ]  # fmt: skip
            for (shard, _), reply in zip(group, self._servers.run(commands), strict=True):
                if isinstance(reply, Exception):
                    raise reply
                self._learn_epoch(self._names.epoch(shard), bytes(reply[0]))
                for key, shards in zip(reply[4][::2], reply[4][1::2], strict=True):
                    symbol = self._told[shard][1].symbol_of(_text(key))
                    self._on_doubled(symbol, [int(each) for each in _text(shards).split(",")])
            heard()

    def _learn_epoch(self, key: str, epoch: bytes) -> None:
        if self._epochs.get(key) and epoch != self._epochs[key]:
            _log.warning("redis_emptied", where=self._where, consequence="everything is published again")
            self._behind |= {shard for shard in self._states if self._names.epoch(shard) == key}
        self._epochs[key] = epoch


def _up_to_rows_max(updates: Sequence[LiveUpdate]) -> Iterator[list[LiveUpdate]]:
    """The updates in their order, cut where the rows so far are more than ROWS_MAX."""
    joined: list[LiveUpdate] = []
    rows = 0
    for update in updates:
        joined.append(update)
        rows += len(update.tickers) + len(update.live_bars) + len(update.final_bars)
        if rows > ROWS_MAX:
            yield joined
            joined, rows = [], 0
    if joined:
        yield joined


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class RedisSink(SharedSink[LiveUpdate]):
    """Items: (shard key, LiveUpdate). ``shards``: how many partitions the topic has.

    ``stop``: set by the flow when it must end although Redis is down; a waiting write then raises Unreachable.
    ``on_written``: called by the writer thread after each pipeline of updates that Redis took.
    ``on_doubled``: likewise, for each symbol that another shard writes too, with all its shards; again and again.
    """

    def __init__(
        self,
        url: str,
        shards: int,
        *,
        bounds: RedisBounds = DEFAULTS,
        publish_updates: bool = False,
        stop: threading.Event | None = None,
        on_written: Callable[[Sequence[LiveUpdate]], None] = lambda _: None,
        on_doubled: Callable[[str, list[int]], None] = lambda _symbol, _shards: None,
    ) -> None:
        self._on_written = on_written
        self._rest_until = 0.0
        self._past_rests_until = 0.0
        self._writer = RedisWriter(
            url,
            bounds=bounds,
            shards=shards,
            publish_updates=publish_updates,
            finals_kept=FINALS_KEPT // max(shards, 1),
            stop=stop,
            on_doubled=on_doubled,
        )
        self._handover = Handover(
            self._write, name="redis-writer", depth=WAITING_MAX, look=self._writer.look, look_s=LOOK_S
        )
        super().__init__(shards, (self._handover,), {"Redis": self._writer.close})

    def put(self, partition: int, item: LiveUpdate) -> None:  # noqa: ARG002 - it says so itself
        self._handover.put(item)

    def _write(self, updates: list[LiveUpdate]) -> None:
        begun = time.monotonic()
        parents = [each for update in updates for each in update.traceparents]
        with tracer().span("write redis", CLIENT, parents, ABOUT) as span:
            for made_ns in (update.made_ns for update in updates if update.made_ns):
                span.part(("wait", made_ns, time.time_ns()))
            self._writer.write(updates, span)
            span.set(UPDATES, len(updates))
        ended = time.monotonic()
        if ended - begun > LONG_WRITE_S:
            self._rest_until = ended + (ended - begun)
        if any(len(update.tickers) for update in updates):
            self._past_rests_until = max(self._past_rests_until, ended) + REST_OF_PAST * (ended - begun)
        self._on_written(updates)

    @property
    def is_behind(self) -> bool:
        """Whether updates should be held back where they can be; a hint, of this process alone.

        True when as many updates wait as there are shards. True also for a while after a long write, for as long as
        that write took: the flow then reads on, instead of spending most of each epoch in waiting for writes.
        """
        return self._handover.waiting >= max(self.parts, 1) or time.monotonic() < self._rest_until

    @property
    def past_rests(self) -> bool:
        """Whether tickers and open bars took their tenth of the time; a hint for a flow that reads the past.

        What it reads on will replace them, and final bars need the rest of the time.
        """
        return time.monotonic() < self._past_rests_until
