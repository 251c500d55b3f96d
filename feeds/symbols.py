"""Symbols in one form, whatever a venue calls its markets: BTC/USDT, BTC/USDT-PERP, BTC/USD-220527.

Venues' files name theirs here. A pair is base/quote. What isn't spot has its contract behind a dash: PERP for one
without an end, else the words of the venue (a date, a strike). A name without a separator is cut before the quote
currency that it ends with; one that ends with none stays as it is.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["PERPETUAL", "Parts", "contract", "cut", "parts", "readable", "renamed"]

PERPETUAL: Final = "PERP"
QUOTES: Final = tuple(
    sorted(
        (
            *("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USDP", "USDE", "DAI", "USD", "EUR", "GBP", "JPY", "CHF"),
            *("AUD", "CAD", "TRY", "BRL", "ARS", "MXN", "ZAR", "UAH", "PLN", "RON", "IDR", "BTC", "XBT", "ETH", "BNB"),
            *("EURI", "BGB", "OKB", "MNT", "TRX", "XRP", "DOGE", "SOL"),
        ),
        key=lambda word: (-len(word), word),
    )
)
"""Quote currencies, the longest first: of BTCFDUSD the quote is FDUSD, not USD."""


@lru_cache(65_536)
def cut(name: str) -> str:
    """``BTCUSDT`` and ``btcusdt`` as BTC/USDT; a dated one, ``BTCUSDT_210625``, as BTC/USDT-210625."""
    pair, _, date = name.upper().partition("_")
    for quote in QUOTES:
        if pair.endswith(quote) and len(pair) > len(quote):
            symbol = f"{pair.removesuffix(quote)}/{quote}"
            return contract(symbol, date) if date else symbol
    return name.upper()


@lru_cache(65_536)
def renamed(name: str, separator: str, aliases: tuple[tuple[str, str], ...] = ()) -> str:
    """``BTC-USDT`` as BTC/USDT, ``BTC-USDT-SWAP`` as BTC/USDT-PERP; ``aliases``: currencies that others call so."""
    known: Mapping[str, str] = dict(aliases)
    base, _, rest = name.partition(separator)
    quote, _, more = rest.partition(separator)
    if not quote:
        return name
    symbol = f"{known.get(base, base)}/{known.get(quote, quote)}"
    return contract(symbol, PERPETUAL if more == "SWAP" else more) if more else symbol


def contract(symbol: str, words: str) -> str:
    """The contract of ``symbol`` that ``words`` name."""
    return f"{symbol}-{words}"


class Parts(NamedTuple):
    """Of a symbol; ``contract`` is empty for spot."""

    base: str
    quote: str
    contract: str


def parts(symbol: str) -> Parts:
    """The other way round: BTC/USDT-PERP as BTC, USDT, PERP. Raises ValueError for what is no symbol."""
    base, slash, rest = symbol.partition("/")
    quote, _, words = rest.partition("-")
    if not slash or not base.isalnum() or not quote.isalnum() or not symbol.isascii():
        raise ValueError(f"{symbol[:40]} is no symbol such as BTC/USDT")
    return Parts(base.upper(), quote.upper(), words.upper())


def readable(symbols: Iterable[str]) -> list[str]:
    """Those that are symbols: a venue may list markets whose names no one else can write."""
    found = []
    for symbol in symbols:
        try:
            parts(symbol)
        except ValueError:
            continue
        found.append(symbol)
    return found
