"""The venues that there are, by name and by address.

The command takes a venue from here, by its name or by the address at the head of a recording. A seventh is its file of
translation and a line here.
"""

from typing import Final

from feeds.binance import BINANCE, BINANCE_FUTURES
from feeds.bitget import BITGET
from feeds.bybit import BYBIT, BYBIT_INVERSE, BYBIT_LINEAR
from feeds.coinbase import COINBASE
from feeds.kraken import KRAKEN
from feeds.okx import OKX
from feeds.venue import Venue

__all__ = ["VENUES", "venue_at"]

VENUES: Final[dict[str, Venue]] = {
    venue.name: venue
    for venue in (BITGET, BINANCE, BINANCE_FUTURES, KRAKEN, COINBASE, OKX, BYBIT, BYBIT_LINEAR, BYBIT_INVERSE)
}


def venue_at(address: str) -> Venue | None:
    """The venue whose WebSocket address this is; None for a stranger's."""
    return next((venue for venue in VENUES.values() if address.startswith(venue.addresses)), None)
