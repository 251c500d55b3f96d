"""What a user asks for on the command line: ``bitget:BTC/USDT,ETH/USDT binance:BTC/USDT``.

``tapeflow ingest`` hands its words in and gets symbols by venue. A venue may come again; a symbol counts once. What
can't be meant is one line with what could be.
"""

from collections.abc import Sequence

from feeds.symbols import parts
from feeds.venue import Venue
from feeds.venues import VENUES
from schemas.errors import SettingError

__all__ = ["Asked", "asked_of", "venue_named"]

Asked = dict[str, tuple[str, ...]]
"""Name of a venue -> symbols, in the order in which they were asked for."""


def asked_of(words: Sequence[str]) -> Asked:
    """Raises SettingError for a venue that isn't known and a symbol that it can't have."""
    asked: dict[str, dict[str, None]] = {}
    for word in words:
        name, colon, list_of_symbols = word.partition(":")
        symbols = [symbol.strip().upper() for symbol in list_of_symbols.split(",") if symbol.strip()]
        if not colon or not symbols:
            raise SettingError(
                f"can't read {word[:60]!r}", where="ingest", mend="say VENUE:SYMBOL,SYMBOL such as bitget:BTC/USDT"
            )
        venue = venue_named(name.strip().lower(), "ingest")
        for symbol in symbols:
            try:
                parts(symbol)
                venue.subscriptions([symbol], quotes=False)
            except ValueError as error:
                raise SettingError(str(error), where=word[:60], mend="symbols are BTC/USDT, BTC/USDT-PERP") from None
            asked.setdefault(venue.name, {})[symbol] = None
    return {name: tuple(symbols) for name, symbols in asked.items()}


def venue_named(name: str, where: str) -> Venue:
    """Raises SettingError for a name that no venue has."""
    if name not in VENUES:
        raise SettingError(f"unknown venue {name[:40]}", where=where, mend=f"take one of {', '.join(VENUES)}")
    return VENUES[name]
