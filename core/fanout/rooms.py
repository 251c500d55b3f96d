"""Rooms: the state that one topic has now, and what has to go out at the next flush.

The hub applies messages of the streams and what was loaded from Redis; ``drain`` gives the events of a flush. A room
that is ``ready`` holds a state to which every later message of its stream applies. A delta whose ``previous`` is
another sequence makes the room unready, until Redis (or a snapshot in the stream) gives it a whole state again. A
ticker's room with nobody in it rests: its messages are kept, but read only when somebody comes.
"""

from bisect import bisect_right
from collections import deque
from enum import Enum
from itertools import islice
from operator import attrgetter
from typing import Final

from core.fanout.client import Room
from core.fanout.dialect import RoomKey, Variant
from core.fanout.messages import ChannelMessage, Fields, QuoteMessage, TickerMessage
from core.fanout.shown_quote import beside_quote, shown_quote

__all__ = ["TAKEN_UP_MAX", "ChannelRoom", "Outcome", "TickerRoom"]

TAKEN_UP_MAX: Final = 20
"""Messages read when somebody comes: beyond, Redis is asked, so that a thousand symbols don't hold the loop."""


class Outcome(Enum):
    """What a message did to a room."""

    IGNORED = 0
    APPLIED = 1
    GAP = 2


class TickerRoom(Room):
    """A symbol's rolling state and its recent deltas, contiguous by ``link`` up to the last one seen."""

    __slots__ = (
        "absent",
        "asked",
        "fields",
        "floor",
        "history",
        "parts",
        "pending",
        "quote",
        "quote_sequence",
        "sequence",
        "shown",
        "told",
        "unread",
    )

    def __init__(self, key: RoomKey) -> None:
        super().__init__(key)
        self.sequence = -1
        self.floor = -1  # the least that Redis may answer with: clients were given it, or what led to it is gone
        self.fields: Fields = {}  # as trades made them
        self.quote: Fields = {}  # the symbol's newest quote
        self.quote_sequence = -1
        self.unread: QuoteMessage | None = None  # the newest quote that came while the room rested
        self.asked = False  # whether Redis was asked for a quote
        self.shown: Fields = {}  # what of fields and quote a client sees as the quote
        self.told: Fields = {}  # the same as of the last flush
        self.history: deque[TickerMessage] = deque()
        self.pending: list[TickerMessage] = []
        self.absent = False  # Redis was asked and has no such ticker
        self.parts: dict[str, bytes] = {}  # dialect name → the state in its words, until the state moves

    @property
    def whole(self) -> Fields:
        """The ticker as clients see it."""
        return self.fields | self.shown

    @property
    def stirred(self) -> bool:
        """Whether there is something to be drained."""
        return bool(self.pending) or self.shown != self.told

    @property
    def rests(self) -> bool:
        """Nobody is in it, and no answer of Redis is on its way to it."""
        return not (self.audience or self.lagging or self.loading)

    def keep(self, message: TickerMessage, shard: int) -> bool:
        """Does what ``put_by`` does for almost every message, at a fifth of the cost; False: it has to be asked."""
        history = self.history
        if self.ready or self.audience or self.lagging or self.loading or not history or self.shard != shard:
            return False
        if message.previous is None or message.previous != history[-1].sequence:
            return False
        message.link = message.previous
        history.append(message)
        return True

    def put_by(self, message: TickerMessage) -> Outcome:
        """As ``apply``, while the room rests: kept unread. GAP: messages are missing before it."""
        if self.ready and message.sequence <= self.sequence:
            return self.apply(message)
        tip = self.sequence if self.ready else self.history[-1].sequence if self.history else -1
        whole = message.previous is None
        if message.sequence <= tip or (whole and message.sequence < self.floor):
            return Outcome.IGNORED
        self.ready = False
        self._remember(message, max(tip, 0) if message.previous is None else message.previous)
        return Outcome.APPLIED if whole or tip in (message.previous, -1) else Outcome.GAP

    def put_quote_by(self, message: QuoteMessage) -> None:
        """As ``take_quote``, while the room rests."""
        if self.unread is None or message.sequence > self.unread.sequence:
            self.unread = message

    def take_up(self) -> None:
        """Somebody comes: makes the room ready by what was put by, where that is whole and little."""
        if self.unread is not None:
            self.take_quote(self.unread)
            self.unread, self.told = None, self.shown
        if self.ready or (self.quote and not self.asked):
            return
        newer: list[TickerMessage] = []
        for message in reversed(self.history):
            if message.sequence <= self.sequence or len(newer) > TAKEN_UP_MAX:
                break
            newer.append(message)
            if message.previous is None:
                break
        if not newer or len(newer) > TAKEN_UP_MAX:
            return
        if newer[-1].previous is None or newer[-1].link == self.sequence:
            for message in reversed(newer):
                self._move(message)
            self.told = self.shown

    def take_quote(self, message: QuoteMessage) -> bool:
        """Whether it is newer than the quote that is held."""
        if message.sequence <= self.quote_sequence:
            return False
        self.quote, self.quote_sequence = message.fields(), message.sequence
        self._show()
        return True

    def forget_quote(self) -> None:
        self.quote, self.quote_sequence, self.shown, self.told = {}, -1, {}, {}
        self.unread = None

    def apply(self, message: TickerMessage) -> Outcome:
        """Takes one message of the stream in. Its ``link`` is set here."""
        whole = message.previous is None
        if not self.ready:
            if not whole:
                self._remember(message, message.previous or 0)
                return Outcome.GAP
            if message.sequence < self.floor:
                return Outcome.IGNORED
            self.history.clear()
            self._move(message)
            self.told = self.shown
            return Outcome.APPLIED
        if message.sequence <= self.sequence:
            if not whole and self.history and self.history[-1].sequence == message.previous:
                self._remember(message, message.previous or 0)  # the load ran ahead of the stream
            return Outcome.IGNORED
        if not whole and message.previous != self.sequence:
            self.forget()
            self._remember(message, message.previous or 0)
            return Outcome.GAP
        self._remember(message, self.sequence)
        self._move(message)
        self.pending.append(message)
        return Outcome.APPLIED

    def load(self, snapshot: TickerMessage) -> Outcome:
        """The ticker as Redis had it, perhaps before some of the deltas in ``history``; GAP: load again."""
        if self.ready:
            return Outcome.IGNORED
        if snapshot.sequence < self.floor:
            return Outcome.GAP
        self._move(snapshot)
        for message in self.history:
            if message.sequence > self.sequence:
                if message.link != self.sequence:
                    self.ready = False
                    return Outcome.GAP
                self._move(message)
        self.told = self.shown
        return Outcome.APPLIED

    def since(self, sequence: int) -> list[TickerMessage] | None:
        """Messages that lead from ``sequence`` to the state, or None where they are not held.

        Which quote a client holds its sequence doesn't tell, so the one that is shown comes whole.
        """
        missed = self._missed(sequence)
        return missed if missed is None or not self.shown else self._beside(missed, self.shown)

    def _missed(self, sequence: int) -> list[TickerMessage] | None:
        if sequence == self.sequence:
            return []
        if not self.history or self.history[-1].sequence != self.sequence:
            return None
        first = bisect_right(self.history, sequence, key=attrgetter("sequence"))
        if first == len(self.history) or self.history[first].link != sequence:
            return None
        return list(islice(self.history, first, None))

    def awaits(self, sequence: int) -> bool:
        """Messages that lead on from ``sequence`` are still on their way: Redis was read ahead of the stream."""
        if sequence > self.sequence:
            return True
        if not self.history or self.history[-1].sequence >= self.sequence:
            return False
        return self.history[0].link <= sequence <= self.history[-1].sequence

    def forget(self) -> None:
        """The state is no longer known to be true; what clients were given stays a floor."""
        self.ready, self.absent, self.asked = False, False, False
        self.floor = max(self.floor, self.sequence)
        self.history.clear()
        self.discard_pending()

    def drain(self) -> list[TickerMessage]:
        pending, self.pending, self.written_ms = self.pending, [], 0
        if not self.shown:
            return pending
        changed = {name: value for name, value in self.shown.items() if value != self.told.get(name)}
        self.told = self.shown
        return self._beside(pending, changed)

    def discard_pending(self) -> None:
        self.drain()

    def part(self, variant: Variant) -> bytes:
        """The state in the words of the variant's dialect."""
        name = variant.dialect.name
        part = self.parts.get(name)
        if part is None:
            part = self.parts[name] = variant.dialect.state(self.whole)
        return part

    def _move(self, message: TickerMessage) -> None:
        fields = message.fields()
        if message.previous is None:
            self.fields = fields
        else:
            del fields["type"], fields["previous"]
            self.fields.update(fields)
        self.sequence, self.ready, self.absent = message.sequence, True, False
        self._show()

    def _show(self) -> None:
        if self.quote and self.fields:
            self.shown = shown_quote(self.fields, self.quote)
        self.parts.clear()

    def _beside(self, messages: list[TickerMessage], changed: Fields) -> list[TickerMessage]:
        return beside_quote(messages, changed, self.shown, self.fields)

    def _remember(self, message: TickerMessage, link: int) -> None:
        if self.history and self.history[-1].sequence != link:
            if message.sequence <= self.history[-1].sequence:
                return
            self.history.clear()
        message.link = link
        self.history.append(message)


class ChannelRoom(Room):
    """A channel without state: what is published goes out. ``lossless`` channels are never thinned out."""

    __slots__ = ("lossless", "pending")

    def __init__(self, key: RoomKey, *, lossless: bool) -> None:
        super().__init__(key)
        self.ready = True
        self.lossless = lossless
        self.pending: deque[ChannelMessage] = deque()

    def drain(self) -> list[ChannelMessage]:
        pending = list(self.pending)
        self.pending.clear()
        self.written_ms = 0
        return pending

    def discard_pending(self) -> None:
        self.drain()
