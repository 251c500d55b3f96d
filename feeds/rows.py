"""What venues tell, in one form: trades, best bids and asks, and what could not be read.

Each venue's file makes these rows of its frames, jobs.ingest sends them to Kafka. A number is kept as the venue wrote
it, digit by digit: as the JSON text of a number or of a string, never as a float. A side is the taker's. What a frame
holds is a value, also where it can't be read; nothing here raises for what a venue sends.
"""

from typing import Literal

import msgspec

__all__ = ["Notice", "Quote", "Side", "Told", "Trade", "Unreadable"]

Side = Literal["BUY", "SELL", "UNKNOWN"]


class Trade(msgspec.Struct, gc=False):
    """One execution.

    symbol: normalised, as BTC/USDT; venue_symbol: the venue's own name. price, size: JSON texts. trade_id: empty where
    the venue gives none. event_time: microseconds since the epoch, or ISO 8601 with its offset. is_past: told again at
    each subscription, so it may have been told before.
    """

    symbol: str
    venue_symbol: str
    price: msgspec.Raw
    size: msgspec.Raw
    side: Side
    trade_id: str
    event_time: int | str
    is_past: bool = False


class Quote(msgspec.Struct, gc=False):
    """The best bid and ask of a symbol, with their sizes where the venue tells them; numbers are JSON texts."""

    symbol: str
    venue_symbol: str
    bid: msgspec.Raw
    ask: msgspec.Raw
    bid_size: msgspec.Raw
    ask_size: msgspec.Raw
    event_time: int | str


class Unreadable(msgspec.Struct, gc=False):
    """A frame that isn't what the venue's documentation says: the channel it came by, and what is wrong with it."""

    channel: str
    reason: str


class Notice(msgspec.Struct, gc=False):
    """What a frame says about the session itself.

    kind: ``heard``, an answer or a sign of life; ``subscribed``; ``refused``, a market that isn't to be had;
    ``failed``, any other error; ``ending``, the venue will close the connection. symbols: which ones it is about, empty
    for all or for nobody knows.
    """

    kind: Literal["heard", "subscribed", "refused", "failed", "ending"]
    symbols: tuple[str, ...] = ()
    words: str = ""


class Told(msgspec.Struct, gc=False):
    """What one frame tells, trades and quotes in the order of time. All empty: it tells nothing of any kind."""

    trades: list[Trade] = []
    quotes: list[Quote] = []
    unreadable: Unreadable | None = None
    notice: Notice | None = None
