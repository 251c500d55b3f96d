"""All rooms of a hub by what they are about, and the memory that their histories share.

The hub asks here for a room by its key. A room that nobody is in and that knows nothing is not kept, so strange symbols
leave no trace. All histories together stay under one limit, and the oldest messages of all go first. So each symbol can
be resumed over the same time, busy or quiet.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from core.fanout.bar_rooms import BAR_ROOMS, BarRoom
from core.fanout.client import Room
from core.fanout.dialect import RoomKey
from core.fanout.messages import TickerMessage
from core.fanout.rooms import ChannelRoom, TickerRoom

__all__ = ["MESSAGE_BYTES", "Registry"]

MESSAGE_BYTES: Final = 200
"""Of a process's memory for a message beside its text: the object, its numbers, its places in two queues."""


class Registry:
    """``history_bytes_max``: what the messages that clients can resume over take, of all symbols together."""

    def __init__(self, history_bytes_max: int, lossless: Iterable[str]) -> None:
        self.tickers: dict[str, TickerRoom] = {}
        self.bars: dict[RoomKey, BarRoom] = {}
        self.channels: dict[str, ChannelRoom] = {}
        self.history_bytes = 0
        self._history_bytes_max = history_bytes_max
        self._lossless = frozenset(lossless)
        self._order: deque[TickerMessage] = deque()  # all that rooms remember, and what they let go of early

    def find(self, key: RoomKey) -> Room | None:
        if key[0] == "ticker":
            return self.tickers.get(key[1])
        if key[0] == "bars":
            return self.bars.get(key[1:])
        return self.channels.get(key[1])

    def make(self, key: RoomKey) -> Room:
        """The room of ``key``, a new one where there is none."""
        if key[0] == "ticker":
            return self.ticker(key[1])
        room = self.find(key)
        if room is None and key[0] == "bars":
            room = self.bars[key[1:]] = BAR_ROOMS[key[3]](key)
        elif room is None:
            room = self.channels[key[1]] = ChannelRoom(key, lossless=key[1] in self._lossless)
        return room

    def ticker(self, symbol: str) -> TickerRoom:
        room = self.tickers.get(symbol)
        if room is None:
            room = self.tickers[symbol] = TickerRoom(("ticker", symbol))
        return room

    def drop(self, room: Room) -> None:
        """Nobody is in the room. Tickers stay while the stream keeps them; bars and strangers go."""
        if isinstance(room, BarRoom):
            del self.bars[room.key[1:]]
        elif isinstance(room, TickerRoom) and not (room.ready or room.history or room.floor >= 0):
            del self.tickers[room.key[1]]

    def remember(self, messages: Sequence[TickerMessage]) -> None:
        """To be called when each of the messages has become the last one of its room's history."""
        order, tickers, held = self._order, self.tickers, self.history_bytes
        order.extend(messages)
        for message in messages:
            held += len(message.raw) + MESSAGE_BYTES
        while held > self._history_bytes_max and len(order) > 1:
            oldest = order.popleft()
            held -= len(oldest.raw) + MESSAGE_BYTES
            room = tickers.get(oldest.symbol)
            if room is not None and room.history and room.history[0] is oldest:
                room.history.popleft()
                room.floor = max(room.floor, oldest.sequence)  # an answer from before it leads nowhere
        self.history_bytes = held

    def bars_of(self, symbol: str, interval: str) -> Iterator[BarRoom]:
        """The rooms of all views of one symbol's bars that somebody is in."""
        for view in BAR_ROOMS:
            room = self.bars.get((symbol, interval, view))
            if room is not None:
                yield room

    def has_bars(self, symbol: str, interval: str) -> bool:
        """Whether somebody is in a room of these bars."""
        return any((symbol, interval, view) in self.bars for view in BAR_ROOMS)

    def with_state(self) -> list[TickerRoom | BarRoom]:
        return [*self.tickers.values(), *self.bars.values()]

    def all(self) -> Iterator[Room]:
        yield from self.with_state()
        yield from self.channels.values()
