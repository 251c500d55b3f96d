"""The log of events (``md:events``) as it is listened to: read once per process, handed to every listener.

One task follows the stream in Redis; each entry becomes one SSE frame, the same bytes for everyone who may see it. A
listener gets every entry after the id it names, in order and once, or is told of a gap. Joining is exact: the listener
is registered at the feed's position first, then gets what lies between its id and that position from Redis. A listener
whose queue is full is closed, never thinned out; it comes back with its last id. Redis does not remember what it
trimmed, and an emptied Redis looks like a young one. So only an id that is still held, or was the last one given,
proves that nothing after it is missing. Every other id counts as a gap, and what is held follows.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec
import structlog

from gateway.access.principal import Principal
from gateway.messages.events import GapEvent
from gateway.stores.now import NowUnavailableError
from gateway.stores.redis_pool import REDIS_ERRORS, Redis
from schemas.channels import ALERTS, ENTRIES_KEPT, EVENT_TYPES

__all__ = ["Event", "EventFeed", "EventId", "Listener", "Trail", "decode_event", "parse_event_id"]

PAGE: Final = 500
BLOCK_MS: Final = 5_000
KEEP_ALIVE: Final = b": keep-alive\n\n"
ID: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")
log = structlog.get_logger(__name__)


class EventId(NamedTuple):
    """An id of a Redis stream; ids of one stream rise."""

    ms: int
    number: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}"


ZERO: Final = EventId(0, 0)


def parse_event_id(text: str) -> EventId:
    """Raises ValueError on text that is no id of a stream."""
    match = ID.fullmatch(text)
    if match is None:
        raise ValueError(f"not an id of the stream: {text[:50]}")
    return EventId(int(match[1]), int(match[2] or 0))


class Event(NamedTuple):
    """One entry, encoded. ``symbols`` and ``user`` narrow who may see it; empty means everyone."""

    id: EventId
    kind: str
    frame: bytes
    symbols: tuple[str, ...] = ()
    user: str = ""

    def visible_to(self, principal: Principal) -> bool:
        if self.user and self.user != principal.user_id:
            return False
        if self.kind == "alert" and not principal.may_join(ALERTS):
            return False
        return not self.symbols or any(map(principal.may_see, self.symbols))


class _Subject(msgspec.Struct):
    """The parts of an event's data that decide who may see it."""

    symbol: str = ""
    symbols: list[str] = []
    affected_symbols: list[str] = []


def decode_event(entry_id: EventId, fields: dict[bytes, bytes]) -> Event | None:
    """The event of an entry as schemas.channels.event_fields writes it; None for other entries."""
    kind = (fields.get(b"type") or b"").decode("utf-8", "replace")
    data = fields.get(b"data", b"")
    if kind not in EVENT_TYPES:
        return None
    try:
        subject = msgspec.json.decode(data, type=_Subject)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    narrowed = fields.get(b"symbols", b"").decode("utf-8", "replace")
    # Where the writer says whose it is, that holds; else what the event speaks of.
    symbols = tuple(narrowed.split(",")) if narrowed else (subject.symbol, *subject.symbols, *subject.affected_symbols)
    symbols = tuple(filter(None, symbols))
    line = data.replace(b"\r", b" ").replace(b"\n", b" ")  # outside of JSON strings these are only spaces
    frame = b"id: %s\nevent: %s\nretry: 5000\ndata: %s\n\n" % (str(entry_id).encode(), kind.encode(), line)
    return Event(entry_id, kind, frame, symbols, fields.get(b"user", b"").decode("utf-8", "replace"))


def gap_frame(since: EventId, first: EventId | None, reason: str) -> bytes:
    """An event without id, so that the client's last id stays what it was."""
    data = msgspec.json.encode(GapEvent(reason, str(since), str(first) if first else None))
    return b"event: gap\nretry: 5000\ndata: %s\n\n" % data


class Trail:
    """Entries read of one stream, known by id and content: tells a log that went back from one that began anew."""

    def __init__(self) -> None:
        self._read: dict[int, int] = {}  # entry → the round in which it was read
        self._round = 0

    def add(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> bool:
        """Whether the entry is a new one."""
        entry = hash((entry_id, *fields.items()))
        if entry in self._read:
            return False
        self._read[entry] = self._round
        if len(self._read) > ENTRIES_KEPT:
            del self._read[next(iter(self._read))]
        return True

    def settle(self) -> None:
        """The log is still the one that all entries so far were read from."""
        self._round += 1

    async def seed(self, redis: Redis, stream: str, last: EventId) -> None:
        """Counts the newest entries up to ``last`` as read."""
        page = cast("list[Any]", await redis.xrevrange(stream, max=str(last), count=PAGE))
        for entry_id, fields in reversed(page):
            self.add(entry_id, fields)
        self.settle()

    async def rejoin(self, redis: Redis, stream: str, last: EventId) -> tuple[EventId, int]:
        """Where to go on in a log that may be another one, and how many entries wait from there up to ``last``.

        Unsettled entries prove nothing: they may be the first ones read of the new log, with unread ones before them.
        """
        waiting, until = 0, str(last)
        while page := cast("list[Any]", await redis.xrevrange(stream, max=until, count=PAGE)):
            for entry_id, fields in page:
                if self._read.get(hash((entry_id, *fields.items())), self._round) < self._round:
                    return parse_event_id(entry_id.decode()), waiting
                waiting += 1
            until = "(" + page[-1][0].decode()
        return ZERO, waiting


class Listener:
    """One client's queue. ``next`` gives all that waits in one piece; it ends when the listener is closed."""

    def __init__(self, principal: Principal, queue_max: int) -> None:
        self.principal = principal
        self.after = ZERO
        self.closed = ""
        self.on_close: Callable[[], object] = bool  # does nothing until the writer sets it
        self._queue: deque[bytes] = deque()
        self._queue_max = queue_max
        self._wake = asyncio.Event()

    def offer(self, event: Event) -> bool:
        return event.id > self.after and event.visible_to(self.principal) and self.put(event.frame)

    def put(self, frame: bytes) -> bool:
        """Whether there was room for it."""
        if len(self._queue) >= self._queue_max:
            self.close("slow")
        elif not self.closed:
            self._queue.append(frame)
            self._wake.set()
            return True
        return False

    def close(self, reason: str) -> None:
        if not self.closed:
            self.closed = reason
            self._wake.set()
            self.on_close()

    @property
    def idle(self) -> bool:
        return not self._queue

    async def next(self) -> bytes | None:
        """Frames that wait, joined; None when the listener was closed (what waited then is resumed by id)."""
        while not self._queue and not self.closed:
            self._wake.clear()
            await self._wake.wait()
        if self.closed:
            return None
        frames = b"".join(self._queue)
        self._queue.clear()
        return frames


class EventFeed:
    """Follows the stream; ``run`` is a task for the life of the process. ``reader`` must allow long waits.

    ``count_events`` and ``count_gaps`` are told how many frames were put before clients.
    """

    def __init__(
        self,
        reader: Redis,
        stream: str,
        *,
        ready_s: float = 3.0,
        keep_alive_s: float = 30.0,
        count_events: Callable[[int], object] = bool,
        count_gaps: Callable[[int], object] = bool,
    ) -> None:
        self.listeners: set[Listener] = set()
        self._redis = reader
        self._stream = stream
        self._position: EventId | None = None
        self._resets = 0
        self._trail = Trail()
        self._ready = asyncio.Event()
        self._ready_s = ready_s
        self._keep_alive_s = keep_alive_s
        self._count_events, self._count_gaps = count_events, count_gaps

    @property
    def healthy(self) -> bool:
        return self._ready.is_set()

    async def run(self) -> None:
        """Reads for ever; Redis may come and go."""
        pause_s = 0.1
        beat = asyncio.create_task(self._beat())
        try:
            while True:
                try:
                    await self._follow()
                except REDIS_ERRORS as error:
                    self._ready.clear()
                    log.warning("events_read_failed", error=str(error), retry_in_s=pause_s)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, 2.0)
                else:
                    pause_s = 0.1
        finally:
            beat.cancel()
            self.close()

    def close(self) -> None:
        """Ends every stream; the clients come back to another gateway with their last ids."""
        for listener in list(self.listeners):
            listener.close("shutdown")

    async def _follow(self) -> None:
        """From (re)connecting to the first error."""
        if self._position is None:
            _, last, _ = await self._bounds()
            await self._trail.seed(self._redis, self._stream, last)
            self._position = last
        else:
            await self._tell_gap(self._position)
        self._ready.set()
        behind = False
        while True:
            before = self._position
            answer = cast("list[Any]", await self._redis.xread({self._stream: str(before)}, count=PAGE, block=BLOCK_MS))
            entries = answer[0][1] if answer else []
            if behind:  # the stream may have been trimmed past ``before`` until it was read from there
                await self._tell_gap(before)
            elif not entries and before > (await self._bounds())[1]:  # a lost log shows only so while nothing comes
                await self._tell_gap(before)
                continue
            self._trail.settle()
            for entry_id, fields in entries:
                self._position = parse_event_id(entry_id.decode())
                if self._trail.add(entry_id, fields):
                    self._hand_out(decode_event(self._position, fields))
            behind = len(entries) == PAGE

    def _hand_out(self, event: Event | None) -> None:
        if event is None:
            log.warning("event_refused", id=str(self._position))
            return
        self._count_events(sum([listener.offer(event) for listener in list(self.listeners)]))

    async def _tell_gap(self, since: EventId) -> None:
        reason, first, last = await self._gap(since)
        if not reason:
            return
        if since > last:
            self._position, _ = await self._trail.rejoin(self._redis, self._stream, last)
            self._resets += 1
        frame = gap_frame(since, first, reason)
        for listener in list(self.listeners):
            if since > last:
                listener.after = ZERO  # an id of the old log says nothing about the new one
            self._count_gaps(listener.put(frame))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_s)
            for listener in list(self.listeners):
                if listener.idle:
                    listener.put(KEEP_ALIVE)

    async def join(self, listener: Listener, since: EventId | None) -> AsyncIterator[bytes]:
        """Registers ``listener`` and yields what it missed since ``since``; raises NowUnavailableError."""
        try:
            async with asyncio.timeout(self._ready_s):
                await self._ready.wait()
        except TimeoutError:
            raise NowUnavailableError("the stream of events is not readable") from None
        assert self._position is not None
        until = self._position
        if since is not None:
            listener.after = since
        self.listeners.add(listener)
        return self._missed(listener, since, until)

    async def _missed(self, listener: Listener, since: EventId | None, until: EventId) -> AsyncIterator[bytes]:
        resets, new_log = self._resets, False
        while since is not None and resets == self._resets:  # after a reset the feed goes on for this listener too
            # The id itself is asked for as well: held in this very answer, it proves that nothing was trimmed after it.
            page = cast("list[Any]", await self._redis.xrange(self._stream, str(since), str(until), count=PAGE + 1))
            held = bool(page) and parse_event_id(page[0][0].decode()) == since
            if not held and not (new_log and since == ZERO):
                reason, first, last = await self._gap(since)
                if reason:
                    self._count_gaps(1)
                    yield gap_frame(since, first, reason)
                if since > last:
                    listener.after = ZERO
                    # A position beyond the log is one of the lost log: the feed will see that and go on from the start.
                    since, new_log = (ZERO if last >= until else None), True
                    continue
            frames = []
            for entry_id, fields in page[held:]:
                since = parse_event_id(entry_id.decode())
                event = decode_event(since, fields)
                if event is not None and event.visible_to(listener.principal):
                    frames.append(event.frame)
            if frames:
                self._count_events(len(frames))
                yield b"".join(frames)
            if len(page) <= PAGE:
                return

    async def _gap(self, since: EventId) -> tuple[str, EventId | None, EventId]:
        """Why entries after ``since`` may be lost (empty: none are), the first id held, the last id ever given."""
        held = bool(await self._redis.xrange(self._stream, str(since), str(since), count=1))
        first, last, whole = await self._bounds()
        return gap_reason(since, first, last, whole, held), first, last

    async def _bounds(self) -> tuple[EventId | None, EventId, bool]:
        """First id held, last id ever given, and whether nothing was ever trimmed."""
        if not await self._redis.exists(self._stream):
            return None, ZERO, True
        info: dict[str, Any] = await self._redis.xinfo_stream(self._stream)
        first = info.get("first-entry")
        last = parse_event_id(info["last-generated-id"].decode())
        added = info.get("entries-added")
        # Before Redis 7 nothing counts what was added; but writers cut no stream shorter than that.
        whole = info["length"] < ENTRIES_KEPT if added is None else added == info["length"]
        return (parse_event_id(first[0].decode()) if first else None), last, whole


def gap_reason(since: EventId, first: EventId | None, last: EventId, whole: bool, held: bool) -> str:
    """Why entries after ``since`` may be lost; empty when none are.

    ``whole``: nothing was ever taken from this stream, so an id that is not ``held`` was given by another one, which
    may have held more. So it proves that nothing is missing only for a caller that asks from the very beginning.
    """
    if since > last:
        return "reset"
    if held or since == last or (whole and since == ZERO):
        return ""
    # Trimming takes from the front: an id that is missing further back was never given here, or was deleted by hand.
    return "trimmed" if not whole and (first is None or since < first) else "reset"
