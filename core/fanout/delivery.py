"""Delivery: the events of rooms become bytes for clients, once per variant, and slow clients are caught up later.

The hub names the rooms that changed; ``flush`` answers which clients have bytes to be written. A client whose transport
is full gets nothing, and loses nothing that may not be lost: final bars and alerts wait in its backlog, and when that
is full the client is closed as too slow. A client that has spent its message budget, but reads, gets those at once, on
credit. Of everything else, both get the newest state when they are ready again. The loop over the members of a room is
the hot path of the whole gateway: it costs about a tenth of the write.
"""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from itertools import groupby

from core.fanout.bar_rooms import BarRoom
from core.fanout.client import FRESH, HELD, HELD_BY_BUDGET, HELD_BY_TRANSPORT, WAITING, Client, HubLimits, Room
from core.fanout.dialect import Problem, Variant
from core.fanout.messages import BarMessage, ChannelMessage
from core.fanout.rooms import ChannelRoom, TickerRoom
from schemas.contract import CLOSE_SLOW

__all__ = ["Delivery"]


class Delivery:
    """``counts`` keys: messages, conflated, backlog_dropped, slow_closes, snapshots, resumes, latency…"""

    def __init__(self, limits: HubLimits) -> None:
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self.written_ms: list[int] = []  # of each room flushed: the flow's time of its oldest message
        self.behind: dict[Client, None] = {}  # clients with lags, a backlog or replies
        self.closes: list[tuple[Client, int, str]] = []
        self._held: dict[Client, None] = {}
        self._ready: list[Client] = []
        self.direct = False  # frames go to ``groups`` rather than to each client's ``out``
        self.groups: list[tuple[bytes, list[Client]]] = []

    @property
    def busy(self) -> bool:
        return bool(self._held or self.closes) or any(client.replies or not client.held for client in self.behind)

    def hold(self, client: Client, why: int, now_ms: int) -> None:
        if not client.held:
            client.held_since_ms = now_ms
            self._held[client] = None
        client.held |= why

    def release(self, client: Client, why: int) -> None:
        client.held &= ~why
        if not client.held:
            self._held.pop(client, None)

    def close(self, client: Client, code: int, reason: str) -> None:
        """The session is told at the next ``take_closes``; the client gets nothing more."""
        if not client.gone:
            client.gone = True
            client.backlog = client.replies = None
            client.out.clear()
            self.counts["slow_closes"] += code == CLOSE_SLOW
            self.closes.append((client, code, reason))

    def forget(self, client: Client) -> None:
        client.gone = True
        self.behind.pop(client, None)
        self._held.pop(client, None)

    def reply(self, client: Client, messages: Sequence[bytes]) -> None:
        if client.gone or not messages:
            return
        if client.replies is None:
            client.replies = []
        client.replies.extend(messages)
        self.behind[client] = None
        if len(client.replies) > self.limits.replies_max and client.held & HELD_BY_TRANSPORT:
            self.close(client, CLOSE_SLOW, "too slow: replies are not read")

    def fall_behind(self, room: Room, client: Client, lag: int) -> None:
        room.fall_behind(client, lag)
        self.behind[client] = None

    def wake(self, room: Room) -> None:
        """The room has something for those who lag in it; until then nothing looks at them."""
        for client in room.lagging:
            self.behind[client] = None

    def sweep(self, now_ms: int) -> None:
        """Gives time back to clients that spent their messages, and closes those whose transport stays full."""
        for client in list(self._held):
            if client.held & HELD_BY_BUDGET and client.refill(now_ms, self.limits):
                self.release(client, HELD_BY_BUDGET)
            if client.held & HELD_BY_TRANSPORT and now_ms - client.held_since_ms > self.limits.slow_ms:
                self.close(client, CLOSE_SLOW, "too slow: reconnect and resume")

    def take_ready(self) -> list[Client]:
        ready, self._ready = self._ready, []
        return ready

    def send_room(self, room: Room, now_ms: int) -> None:
        """Drains ``room`` to its audience; its lagging members keep what must not be lost."""
        written_ms = room.written_ms
        if isinstance(room, TickerRoom):
            if room.stirred:
                changes = room.drain()
                room.floor = max(room.floor, room.sequence)
                for variant in list(room.audience):
                    self._spread(room, variant, variant.dialect.changes(room.whole, changes, now_ms), (), now_ms)
        elif isinstance(room, BarRoom):
            bars = room.drain(now_ms, self.limits.bar_update_ms)
            if bars:
                room.sent_ms = now_ms
                finals = [bar for bar in bars if bar.final and room.keeps_finals]
                for client in list(room.lagging) if finals else ():
                    if client.lags[room] == HELD:
                        self._keep(client, room, finals)
                for variant in list(room.audience):
                    self._spread(room, variant, [variant.dialect.update(bar) for bar in bars], finals, now_ms)
            room.flushed()
        else:
            assert isinstance(room, ChannelRoom)
            self._send_channel(room, room.drain(), now_ms)
        if written_ms:
            self.written_ms.append(written_ms)

    def _send_channel(self, room: ChannelRoom, messages: list[ChannelMessage], now_ms: int) -> None:
        size = self.limits.batch_max
        for start in range(0, len(messages), size):
            part = messages[start : start + size]
            for client in list(room.lagging):
                self._keep(client, room, [message for message in part if _meant_for(message, client)])
            if any(message.user or message.symbols for message in part):
                self._send_narrowed(room, part, now_ms)
                continue
            for variant in list(room.audience):
                self._spread(room, variant, [variant.dialect.batch(part)], part, now_ms)

    def _send_narrowed(self, room: ChannelRoom, part: list[ChannelMessage], now_ms: int) -> None:
        """Messages that not everyone may see: encoded once per variant and set of messages."""
        for variant, audience in list(room.audience.items()):
            groups: dict[tuple[int, ...], list[Client]] = {}
            for client in audience:
                seen = tuple(index for index, message in enumerate(part) if _meant_for(message, client))
                groups.setdefault(seen, []).append(client)
            for seen, clients in groups.items():
                if seen:
                    chosen = [part[index] for index in seen]
                    self._spread(room, variant, [variant.dialect.batch(chosen)], chosen, now_ms, clients)

    def _spread(
        self,
        room: Room,
        variant: Variant,
        messages: Sequence[bytes],
        kept: Sequence[BarMessage | ChannelMessage],
        now_ms: int,
        clients: Collection[Client] | None = None,
    ) -> None:
        """The same bytes to every client of ``variant``; ``kept`` waits for those who are held."""
        count = len(messages)
        if not count:
            return
        frame = variant.pack(messages)
        ready, limits = self._ready, self.limits
        members = room.audience[variant] if clients is None else clients
        held: list[Client] = []
        direct: list[Client] | None = [] if self.direct else None
        for client in members:
            if client.held:
                held.append(client)
                continue
            client.budget -= count
            if client.budget < 0 and not client.refill(now_ms, limits):
                client.budget += count
                self.hold(client, HELD_BY_BUDGET, now_ms)
                held.append(client)
                continue
            if direct is not None:
                direct.append(client)
                continue
            out = client.out
            if not out:
                ready.append(client)
            out.append(frame)
        if direct:
            self.groups.append((frame, direct))
        self.counts["messages"] += count * (len(members) - len(held))
        for client in held:
            self.fall_behind(room, client, FRESH if isinstance(room, TickerRoom) else HELD)
            self.counts["conflated"] += count
            self._keep(client, room, kept)

    def _keep(self, client: Client, room: Room, messages: Sequence[BarMessage | ChannelMessage]) -> None:
        if client.gone or not messages:
            return
        if client.backlog is None:
            client.backlog = deque()
        client.backlog.extend((room, message) for message in messages)
        self.behind[client] = None
        if not client.held & HELD_BY_TRANSPORT:
            return  # goes out with this flush
        while len(client.backlog) > self.limits.buffer:
            oldest = next((i for i, (kept, _) in enumerate(client.backlog) if _may_drop(kept)), None)
            if oldest is None:
                self.close(client, CLOSE_SLOW, "too slow: final bars or alerts would be lost")
                return
            del client.backlog[oldest]
            self.counts["backlog_dropped"] += 1

    def catch_up(self, now_ms: int, *, paused: bool = False) -> None:
        """Replies, backlogs and newest states for every client that can take them."""
        for client in list(self.behind):
            if client.gone:
                del self.behind[client]
            elif not client.held & HELD_BY_TRANSPORT:
                self._catch_up(client, now_ms, paused)

    def _catch_up(self, client: Client, now_ms: int, paused: bool) -> None:
        messages: list[bytes] = client.replies or []
        client.replies = None
        again = False
        if not paused:
            messages += self._take_backlog(client)
            again = bool(client.held)
            if not again:
                room_bytes = self.limits.catch_up_bytes - sum(map(len, messages))
                newest, again = self._newest(client, room_bytes, client.budget - len(messages), now_ms)
                messages += newest
        if messages:
            client.budget -= len(messages)
            self.counts["messages"] += len(messages)
            if not client.out:
                self._ready.append(client)
            client.out.append(client.variant.pack(messages))
            if client.budget < 0 and not client.refill(now_ms, self.limits):
                self.hold(client, HELD_BY_BUDGET, now_ms)
        if not again:
            del self.behind[client]  # ``wake`` and ``fall_behind`` bring it back

    def _take_backlog(self, client: Client) -> list[bytes]:
        backlog, client.backlog = client.backlog, None
        messages: list[bytes] = []
        dialect, size = client.variant.dialect, self.limits.batch_max
        for room, group in groupby(backlog or (), key=lambda entry: entry[0]):
            if room not in client.rooms or client.lags.get(room, HELD) != HELD:
                continue  # it left the room meanwhile, or gets all its bars anew
            kept = [message for _, message in group]
            if isinstance(room, ChannelRoom):
                parts = [message for message in kept if isinstance(message, ChannelMessage)]
                messages += [dialect.batch(parts[at : at + size]) for at in range(0, len(parts), size)]
            else:
                messages += [dialect.update(bar) for bar in kept if isinstance(bar, BarMessage)]
        return messages

    def _newest(self, client: Client, bytes_left: int, budget: float, now_ms: int) -> tuple[list[bytes], bool]:
        """Newest states of rooms that the client lags in, and whether the next flush must look again.

        The client is then up to date in those; a room that isn't loaded wakes it when it is.
        """
        again = False
        messages: list[bytes] = []
        parts: list[bytes] = []
        dialect = client.variant.dialect
        for room, lag in list(client.lags.items()):
            if bytes_left <= 0 or len(messages) + len(parts) >= max(1.0, budget):
                again = True
                break
            if not room.ready:
                continue
            found: Sequence[bytes] = ()
            if isinstance(room, TickerRoom):
                if lag >= 0 and room.awaits(lag) and now_ms < client.resume_until_ms:
                    again = True
                    continue  # another gateway or Redis was ahead of this one; it will be there in a moment
                missed = room.since(lag) if lag >= 0 else None
                if missed is not None and len(missed) > budget - len(messages) - len(parts):
                    # Beyond its budget a client would be conflated, which is a whole state too, only later.
                    client.refill(now_ms, self.limits)
                    if len(missed) <= self.limits.out_per_s and now_ms < client.resume_until_ms:
                        again = True
                        continue
                    missed = None
                if missed is None:
                    parts.append(room.part(client.variant))
                    bytes_left -= len(parts[-1])
                    self.counts["snapshots"] += 1
                else:
                    found = dialect.changes(room.whole, missed, now_ms) if missed else ()
                    self.counts["resumes"] += 1
                room.floor = max(room.floor, room.sequence)
            elif isinstance(room, BarRoom):
                if lag in (FRESH, WAITING):
                    if room.depth < client.rooms[room] or room.absent:
                        continue  # a deeper load is under way, or there is nothing to load yet
                    owed = room.count_since(client.owed.pop(room)) if room in client.owed else 0
                    found = [room.initial(client.variant, max(client.rooms[room], owed))]
                    room.flushed()
                else:
                    found = [dialect.update(bar) for bar in room.missed(client)]
            messages += found
            bytes_left -= sum(map(len, found))
            room.admit(client)
        if parts:
            messages += dialect.states(parts, now_ms)
        return messages, again

    def tell(self, client: Client, problem: Problem, now_ms: int) -> None:
        self.counts["problems"] += 1
        self.reply(client, (client.variant.dialect.error(problem, now_ms),))


def _may_drop(room: Room) -> bool:
    return isinstance(room, ChannelRoom) and not room.lossless


def _meant_for(message: ChannelMessage, client: Client) -> bool:
    if message.user and message.user != client.user_id:
        return False
    return not message.symbols or any(map(client.may_see, message.symbols))
