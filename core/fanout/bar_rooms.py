"""Rooms of bars: what one symbol and interval looks like now, in three views of how a bar ends.

The hub applies bars of the stream and what was loaded from Redis; ``drain`` gives the bars of a flush. A client of
``BarRoom`` gets every end and every revision of a bar, also of older ones. A client of ``FinalsRoom`` gets every end
and no later revision of an older bar. A client of ``ForwardRoom`` gets bars whose start never goes back: when a new bar
begins, the last state of the one before is sent at once, and what changes in it afterwards is left out (it stands in
the next initial bars). docs/adr says why this is the view of a client that asks for nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from core.fanout.client import HELD, Client, Room
from core.fanout.dialect import ALL_BARS, FINAL_BARS, RoomKey, Variant
from core.fanout.messages import BarMessage
from core.fanout.rooms import Outcome

__all__ = ["BAR_ROOMS", "BarRoom", "FinalsRoom", "ForwardRoom"]

SPARE_BARS: Final = 8
"""Kept beyond what was asked for: as many as may be open or late at a time."""

OWED_BARS: Final = 100
"""Loaded at first for clients that have bars already: more than most gaps are long."""


class BarRoom(Room):
    """Bars of one symbol and interval, newest ``depth`` at least while the room has members.

    ``keeps_finals``: a final bar waits for a member that can't take it now. ``absent``: Redis has no bar of it.
    """

    __slots__ = ("absent", "bars", "depth", "finals", "live", "parts", "sent_ms", "starts", "timed", "updated_ms")

    keeps_finals = True

    def __init__(self, key: RoomKey) -> None:
        super().__init__(key)
        self.bars: dict[int, BarMessage] = {}  # by start
        self.starts: list[int] = []  # sorted
        self.depth = 0  # how many bars the last load brought, or would have brought
        self.finals: list[BarMessage] = []
        self.live: dict[int, BarMessage] = {}  # newest state by start; the first is the one that waits longest
        self.updated_ms = 0
        self.sent_ms = 0  # when a bar last went out; 0 for never
        self.parts: dict[tuple[str, int], bytes] = {}  # (dialect name, count) → initial bars, until a bar moves
        self.absent = False
        self.timed = False  # the hub will drain it again when its next live bar is due

    def apply(self, bar: BarMessage, *, to_clients: bool = True) -> Outcome:
        held = self.bars.get(bar.start_ms)
        if held is not None and not bar.newer_than(held):
            return Outcome.IGNORED
        self.parts.clear()
        self.absent = False
        # While loading, any is wanted: the answer may be older than this.
        wanted = not self.ready or len(self.bars) < self.depth or not self.starts or bar.start_ms > self.starts[0]
        if held is not None or wanted:
            self.bars[bar.start_ms] = bar
        if held is None and wanted:
            insort(self.starts, bar.start_ms)
            if self.ready:
                self._trim()
        if self.ready and to_clients:
            if bar.final:
                self.live.pop(bar.start_ms, None)
                self.finals.append(bar)
            else:
                self.live[bar.start_ms] = bar
        return Outcome.APPLIED

    def load(self, bars: Iterable[BarMessage], depth: int) -> bool:
        """Merges what Redis holds; True when that was ahead of the stream, so that members must be told."""
        ahead = False
        self.depth = max(self.depth, depth)
        for bar in bars:
            held = self.bars.get(bar.start_ms)
            to_clients = held is not None or not self.starts or bar.start_ms >= self.starts[-1]
            if self.apply(bar, to_clients=to_clients) is Outcome.APPLIED:
                ahead = ahead or (self.ready and to_clients)
        self.ready = True
        self._trim()
        return ahead

    def _trim(self) -> None:
        """Lets go of what nobody can ask for."""
        while len(self.starts) > self.depth + SPARE_BARS:
            del self.bars[self.starts.pop(0)]

    def initial(self, variant: Variant, count: int) -> bytes:
        """The newest ``count`` bars in the words of the variant's dialect."""
        name = (variant.dialect.name, count)
        part = self.parts.get(name)
        if part is None:
            symbol, interval = self.key[1:3]
            part = self.parts[name] = variant.dialect.initial(symbol, interval, self.newest(count))
        return part

    def newest(self, count: int) -> list[BarMessage]:
        """The newest bars, oldest first."""
        return [self.bars[start] for start in self.starts[-count:]] if count else []

    def open_bars(self) -> list[BarMessage]:
        return [self.bars[start] for start in self.starts[-SPARE_BARS:] if not self.bars[start].final]

    def missed(self, client: Client) -> list[BarMessage]:  # noqa: ARG002 - a view may go by client
        """What a member that fell behind gets, behind the final bars that were kept for it."""
        return self.open_bars()

    def flushed(self) -> None:
        """Members now have all that the room holds, except what waits in ``live``."""

    def count_since(self, start_ms: int) -> int:
        return len(self.starts) - bisect_left(self.starts, start_ms)

    def owe(self) -> int:
        """Notes, when delivery stops, from which bar on each member is owed bars, however few it asked for.

        A bar that ends while nothing is delivered would be missed otherwise. Returns how many bars to load for that.
        """
        unsettled = [*self.open_bars(), *self.finals, *self.live.values()]
        if not self.starts:
            return 0
        oldest_ms = min((bar.start_ms for bar in unsettled), default=self.starts[-1])
        for client in self.everyone():
            if client.lags.get(self, HELD) == HELD:
                kept = [bar.start_ms for at, bar in client.backlog or () if at is self and isinstance(bar, BarMessage)]
                client.owed[self] = min(oldest_ms, *kept, client.owed.get(self, oldest_ms))
        return OWED_BARS if any(self in client.owed for client in self.everyone()) else 0

    def owes_more(self, bars_max: int) -> bool:
        """Whether the room doesn't reach back to what a member is owed, and Redis may; that member then waits."""
        if not self.starts or self.depth >= bars_max:
            return False
        short = [client for client in self.lagging if client.owed.get(self, self.starts[0]) not in self.bars]
        for client in short:
            client.rooms[self] = bars_max
        return bool(short)

    def drain(self, now_ms: int, update_ms: int) -> list[BarMessage]:
        """Final bars, and a live one where its time has come; others stay in ``live``."""
        due, self.finals, self.written_ms = self.finals, [], 0
        if self.live and now_ms - self.updated_ms >= update_ms:
            due.append(self.live.pop(next(iter(self.live))))
            self.updated_ms = now_ms
        return due

    def forget(self) -> None:
        self.ready = self.absent = False
        self.bars.clear()
        self.starts.clear()
        self.parts.clear()
        self.depth = 0
        self.discard_pending()

    def discard_pending(self) -> None:
        self.finals, self.live, self.written_ms = [], {}, 0


class FinalsRoom(BarRoom):
    """Without revisions of bars that a newer one follows."""

    __slots__ = ()

    def apply(self, bar: BarMessage, *, to_clients: bool = True) -> Outcome:
        is_old = bool(self.starts) and bar.start_ms < self.starts[-1]
        return super().apply(bar, to_clients=to_clients and not (is_old and bar.revision > 0))


class ForwardRoom(BarRoom):
    """Only the newest bar is sent on, and the last state of the one before it when it begins.

    ``shown_ms``: start of the newest bar at the end of the last flush. Members then have the last states of all older
    ones, so this is where a member that falls behind goes on; nothing has to be kept for it meanwhile.
    """

    __slots__ = ("shown_ms",)

    keeps_finals = False

    def __init__(self, key: RoomKey) -> None:
        super().__init__(key)
        self.shown_ms = 0

    def apply(self, bar: BarMessage, *, to_clients: bool = True) -> Outcome:
        newest_ms = self.starts[-1] if self.starts else bar.start_ms
        if bar.start_ms > newest_ms and (last := self.live.pop(newest_ms, None)) is not None:
            self.finals.append(last)
        return super().apply(bar, to_clients=to_clients and bar.start_ms >= newest_ms)

    def fall_behind(self, client: Client, lag: int) -> None:
        super().fall_behind(client, lag)
        if lag == HELD:
            client.owed[self] = min(self.shown_ms, client.owed.get(self, self.shown_ms))

    def missed(self, client: Client) -> list[BarMessage]:
        first_ms = client.owed.pop(self, self.shown_ms)
        return [self.bars[start] for start in self.starts[bisect_left(self.starts, first_ms) :]]

    def flushed(self) -> None:
        self.shown_ms = self.starts[-1] if self.starts else 0


BAR_ROOMS: Final[Mapping[str, type[BarRoom]]] = MappingProxyType(
    {"": ForwardRoom, FINAL_BARS: FinalsRoom, ALL_BARS: BarRoom}
)
"""By the view that a key of bars names."""
