"""Writes live updates to Redis: tickers, live and final bars, and the stream that gateways fan out.

Bytewax items are (shard key, LiveUpdate); one thread and one connection per worker serve all its shards. Writes may be
repeated: the script guards by version, so Redis holds what exactly-once would leave. ``snapshot`` returns when all that
was handed over is in Redis. A Redis that is down, stalled or loading is waited for. One that came back without its
data, or without its last seconds, gets everything that this worker holds again. Two things are watched for that: which
server answers (its run id) and whose data it holds (md:epoch), because a restart from an old dump keeps the epoch.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

import redis
import structlog

from runtime.outage import heard, persist
from runtime.tracing.names import DB_OPERATION, DB_SYSTEM, UPDATES
from runtime.tracing.tracer import CLIENT, NOTHING, tracer
from schemas.names import EPOCH_KEY, UPDATES_CHANNEL, RedisKeys, deltas_stream
from schemas.traces import Span
from sinks.handover import Handover
from sinks.redis.bounds import RedisBounds
from sinks.redis.connection import is_outage, open_client, place
from sinks.redis.encode import KeyParts
from sinks.redis.refusals import refusal
from sinks.redis.scripts import APPLY_UPDATE, Call
from sinks.redis.state import LiveUpdate, ShardState
from sinks.shared import SharedSink

__all__ = ["LiveUpdate", "RedisSink", "RedisWriter"]

FINALS_KEPT: Final = 100_000
"""Final bars kept in memory to fill a Redis that lost them, over all shards: 21 MB."""
CALLS_MAX: Final = 16
"""Script calls in one pipeline: at most 32,000 messages, about 20 MB."""
WAITING_MAX: Final = 64
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
        self._on_doubled = on_doubled
        self._where = place(url)
        self._keys = RedisKeys()
        self._key_parts = KeyParts.of(self._keys)
        self._bounds = bounds.arguments(shards)
        self._channel = UPDATES_CHANNEL if publish_updates else ""
        self._finals_kept = finals_kept
        self._stop = stop or threading.Event()
        self._states: dict[int, ShardState] = {}
        self._asked = ""
        """The last command sent, which a refusal may not name."""
        self._digest = ""
        self._run_id = ""
        self._recognised = False
        self._epoch = b""
        self._traceparent = ""
        self._behind = False
        """Whether this server may lack what was published before."""

    def write(self, updates: Sequence[LiveUpdate], span: Span = NOTHING) -> None:
        """Publish in order, what waited together as one; returns when Redis took all of it.

        span: that this is; who reads the stream goes on from it.
        Raises Unreachable when stopped while Redis is down, SettingError for a right that is missing, WriteFailed for
        any other refusal.
        """
        begun_ns = time.time_ns()
        waiting: dict[int, list[LiveUpdate]] = {}
        for update in updates:
            waiting.setdefault(update.shard, []).append(update)
        calls = [(shard, call) for shard, those in waiting.items() for call in self._state(shard).absorb(*those)]
        if not calls:
            return
        self._traceparent = span.traceparent
        encoded_ns = time.time_ns()
        span.part(("encode", begun_ns, encoded_ns))
        try:
            persist(lambda: self._apply(calls), server="redis", where=self._where, is_outage=is_outage, stop=self._stop)
        except redis.exceptions.RedisError as error:
            raise refusal(error, self._client, self._where, self._asked, calls) from error
        span.part(("call", encoded_ns, time.time_ns()))

    def look(self) -> None:
        """In a quiet market no write tells that Redis came back empty: one small read does. Waits out no outage."""
        if not self._run_id:
            return
        try:
            self._apply(())
        except (redis.exceptions.RedisError, OSError):
            return  # the next write says so, or waits, and what is behind is remembered

    def close(self) -> None:
        self._client.close()

    def _state(self, shard: int) -> ShardState:
        state = self._states.get(shard)
        if state is None:
            state = self._states[shard] = ShardState(self._key_parts, finals_kept=self._finals_kept, shard=shard)
        return state

    def _apply(self, calls: Sequence[tuple[int, Call]]) -> None:
        try:
            try:
                self._attempt(calls)
            except redis.exceptions.NoScriptError:
                # Redis was restarted behind a connection that the client renewed unseen, or told to forget scripts.
                self._recognised = False
                self._attempt(calls)
        except Exception:  # after any failure an old reply may still be on its way: never read on from it
            self._recognised = False
            self._client.connection_pool.disconnect()
            raise

    def _attempt(self, calls: Sequence[tuple[int, Call]]) -> None:
        self._recognise()
        if not calls:
            held = self._client.get(EPOCH_KEY)
            self._learn_epoch(held if isinstance(held, bytes) else b"")
        self._catch_up()
        self._run(calls)
        self._catch_up()  # an emptied Redis shows itself only by the epoch in its reply

    def _recognise(self) -> None:
        """After each new connection: load the script, and see whether this is the process that we knew."""
        if self._recognised:
            return
        self._asked = "SCRIPT LOAD"
        self._digest = _text(self._client.script_load(APPLY_UPDATE))
        self._asked = "INFO"
        run_id = _text(self._client.info("server")["run_id"])
        self._asked = "EVALSHA"
        if self._run_id and run_id != self._run_id:
            _log.warning("redis_restarted", where=self._where, consequence="everything is published again")
            self._behind = True
        self._run_id, self._recognised = run_id, True

    def _catch_up(self) -> None:
        if self._behind:
            self._run((shard, call) for shard, state in self._states.items() for call in state.everything())
            self._behind = False

    def _run(self, calls: Iterable[tuple[int, Call]]) -> None:
        """Send the calls in pipelines of CALLS_MAX, and learn the epoch from the replies."""
        remaining = iter(calls)
        while group := list(islice(remaining, CALLS_MAX)):
            pipeline = self._client.pipeline(transaction=False)
            now_ms, offered_epoch = time.time_ns() // 1_000_000, secrets.token_hex(8)
            for shard, packed in group:
                pipeline.execute_command(  # type: ignore[no-untyped-call]
                    "EVALSHA", self._digest, 2, EPOCH_KEY, deltas_stream(shard), offered_epoch, now_ms,
                    *self._bounds, shard, self._channel, SOURCE, *packed, self._traceparent,
                )  # fmt: skip
            for reply in pipeline.execute(raise_on_error=False):
                if isinstance(reply, Exception):
                    raise reply
                self._learn_epoch(bytes(reply[0]))
                for key, shards in zip(reply[4][::2], reply[4][1::2], strict=True):
                    symbol = self._keys.symbol_of(_text(key))
                    self._on_doubled(symbol, [int(each) for each in _text(shards).split(",")])
            heard()

    def _learn_epoch(self, epoch: bytes) -> None:
        if self._epoch and epoch != self._epoch:
            _log.warning("redis_emptied", where=self._where, consequence="everything is published again")
            self._behind = True
        self._epoch = epoch


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
