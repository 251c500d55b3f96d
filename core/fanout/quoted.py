"""A ticker's bid and ask where its symbol has quotes of their own: which are shown, and how clients are told.

A ticker comes from trades and has their sequence; a quote comes from another topic and has a sequence of its own
(docs/adr/0039-quotes-beside-trades.md). What a client sees of both is decided from the two states alone, by
core.fanout.shown_quote. Messages of trades then carry no bid and ask of their own. A change that only a quote brings
goes out as a delta from a sequence to the same sequence, so no client takes it for a gap or goes back.
"""

from collections.abc import Callable, Sequence

from core.fanout.messages import QuoteMessage
from core.fanout.rooms import TickerRoom

__all__ = ["QuotedRooms"]


class QuotedRooms:
    """Quotes for the rooms of tickers. ``find``: the room of a symbol; ``mark``: it has something to be delivered."""

    def __init__(self, find: Callable[[str], TickerRoom | None], mark: Callable[[TickerRoom, int], None]) -> None:
        self._find, self._mark = find, mark

    def apply(self, messages: Sequence[QuoteMessage], written_ms: int) -> None:
        """Quotes of one stream entry. A symbol without a room needs none: one that is made later asks Redis."""
        for message in messages:
            room = self._find(message.symbol)
            if room is not None and room.rests:
                room.put_quote_by(message)
            elif room is not None and room.take_quote(message) and room.ready:
                self._mark(room, written_ms)

    def loaded(self, symbol: str, quote: QuoteMessage | None) -> None:
        """What Redis has of a symbol; None: it has no quote."""
        room = self._find(symbol)
        if room is None:
            return
        room.asked = True
        if quote is not None and room.take_quote(quote) and room.ready:
            self._mark(room, 0)
