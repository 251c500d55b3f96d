"""What a user asks for on the command line: ``bitget:BTC/USDT,ETH/USDT binance:@markets.txt``.

``tapeflow ingest`` hands its words in and gets symbols by venue. Symbols stand in the word, or in a file behind an @:
with commas, blanks or line breaks between them, and # before what is no symbol. A venue may come again; a symbol counts
once. What can't be meant is one line with what could be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from feeds.marks import Mark
from feeds.polled import POLLED, is_pollable
from feeds.symbols import parts
from feeds.venue import Venue
from feeds.venues import VENUES
from schemas.errors import SettingError

__all__ = ["Asked", "Wanted", "asked_of", "venue_named"]

Asked = dict[str, tuple[str, ...]]
"""Name of a venue -> symbols, in the order in which they were asked for; none where the venue alone was named."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a live run is about. since: as in Feed; all_usdt: every market of the venues that is priced in USDT;
    demand_from: address of the Redis that says what is watched; since_files: what the venue published, sent first."""

    asked: Asked
    quotes: bool
    since: Mark | None = None
    all_usdt: bool = False
    demand_from: str = ""
    since_files: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more may be followed than was named."""
        return self.all_usdt or bool(self.demand_from)


def asked_of(words: Sequence[str], *, venues_alone: bool = False) -> Asked:
    """``venues_alone``: a venue may be named without symbols. Raises SettingError for a venue that isn't known, a
    symbol that it can't have, a file that can't be read."""
    asked: dict[str, dict[str, None]] = {}
    for word in words:
        name, colon, listed = word.partition(":")
        symbols = [*_symbols_in(listed)]
        if not symbols and (colon or not venues_alone):
            raise SettingError(
                f"can't read {word[:60]!r}",
                where="ingest",
                mend="say VENUE:SYMBOL,SYMBOL such as bitget:BTC/USDT, or VENUE:@FILE",
            )
        name = name.strip().lower()
        check = _check_polled if name == POLLED else partial(_check_listed, venue_named(name, "ingest"))
        theirs = asked.setdefault(name, {})
        for symbol, where in symbols:
            check(symbol, where or word[:60])
            theirs[symbol] = None
    return {name: tuple(symbols) for name, symbols in asked.items()}


def _check_listed(venue: Venue, symbol: str, where: str) -> None:
    try:
        parts(symbol)
        venue.subscriptions([symbol], quotes=False)
    except ValueError as error:
        raise SettingError(str(error), where=where, mend="symbols are BTC/USDT, BTC/USDT-PERP") from None


def _check_polled(symbol: str, where: str) -> None:
    if not is_pollable(symbol):
        raise SettingError(f"{symbol[:40]!r} is no symbol", where=where, mend="say it as the vendor does, such as AAPL")


def _symbols_in(listed: str) -> Iterator[tuple[str, str]]:
    """Each symbol, and the file and line where it stands; empty for the word itself."""
    if not listed.startswith("@"):
        yield from ((symbol.strip().upper(), "") for symbol in listed.split(",") if symbol.strip())
        return
    path = Path(listed[1:])
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingError(f"symbols can't be read: {why}", where=str(path), mend="give a file of symbols") from None
    for number, line in enumerate(text.splitlines(), 1):
        for symbol in line.partition("#")[0].replace(",", " ").split():
            yield symbol.upper(), f"{path}:{number}"


def venue_named(name: str, where: str) -> Venue:
    """Raises SettingError for a name that no venue has."""
    if name not in VENUES:
        known = ", ".join((*VENUES, *((POLLED,) if where == "ingest" else ())))
        raise SettingError(f"unknown venue {name[:40]}", where=where, mend=f"take one of {known}")
    return VENUES[name]
