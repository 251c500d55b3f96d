"""The truth about quotes, in plain decimal Python: which holds, which bid and ask are shown, what bars they make.

Tests and proofs compare the flow, its Redis and its clients with it. It is written from the words of the contract and
shares nothing with the flow.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

__all__ = [
    "OracleQuote",
    "OracleQuoteBar",
    "OracleQuotes",
    "mid_of",
    "recompute_bars",
    "recompute_quotes",
    "shows_quote",
    "spread_of",
]

EXACT: Final = Context(prec=100)


@dataclass(frozen=True)
class OracleQuote:
    partition: int
    offset: int
    event_time_us: int
    symbol: str
    bid: Decimal
    ask: Decimal
    bid_size: Decimal = Decimal(1)
    ask_size: Decimal = Decimal(1)
    exchange: str = "XNAS"

    @property
    def is_crossed(self) -> bool:
        return self.bid > self.ask


@dataclass
class OracleQuotes:
    """newest: by symbol, the quote that holds after the last record. outcomes: of all records, by name."""

    newest: dict[str, OracleQuote] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)


def recompute_quotes(quotes: Iterable[OracleQuote]) -> OracleQuotes:
    """Of the quotes of a topic, those of a partition in offset order."""
    truth = OracleQuotes()
    for quote in quotes:
        held = truth.newest.get(quote.symbol)
        if held is not None and quote.event_time_us < held.event_time_us:
            truth.outcomes["outdated"] += 1
            continue
        truth.outcomes["crossed" if quote.is_crossed else "applied"] += 1
        truth.newest[quote.symbol] = quote
    return truth


def mid_of(bid: Decimal, ask: Decimal) -> Decimal | None:
    """Half of both, at ten decimal places, a half to the even one; none where they cross."""
    if bid > ask:
        return None
    half = EXACT.divide(EXACT.add(bid, ask), Decimal(2))
    return half.quantize(Decimal("1e-10"), rounding=ROUND_HALF_EVEN, context=EXACT)


def spread_of(bid: Decimal, ask: Decimal) -> Decimal | None:
    return None if bid > ask else EXACT.subtract(ask, bid)


def shows_quote(ticker_time_ms: int, ticker_has_both: bool, quote_time_us: int) -> bool:
    """Whether a client sees the quote's bid and ask, or those that the last trades brought."""
    return not ticker_has_both or quote_time_us // 1000 >= ticker_time_ms


@dataclass
class OracleQuoteBar:
    """Of one symbol, interval and start; ``held``: each spread and the microseconds for which it held."""

    bids: list[Decimal] = field(default_factory=list)
    asks: list[Decimal] = field(default_factory=list)
    crossed: int = 0
    spreads: list[Decimal] = field(default_factory=list)
    held: list[tuple[Decimal, int]] = field(default_factory=list)
    crossed_us: int = 0
    version: int = -1

    @property
    def spread_us(self) -> int:
        return sum(us for _, us in self.held)

    @property
    def spread_sum(self) -> Decimal:
        total = Decimal(0)
        for spread, us in self.held:
            total = EXACT.add(total, EXACT.multiply(spread, Decimal(us)))
        return total

    def percentile(self, percent: int) -> Decimal:
        """The least spread that was not exceeded for so much of the time."""
        wanted = -(-self.spread_us * percent // 100)
        passed = 0
        for spread, us in sorted(self.held):
            passed += us
            if passed >= max(wanted, 1):
                return spread
        return Decimal(0)


def recompute_bars(
    quotes: Iterable[OracleQuote], length_us: int, origin_us: int
) -> dict[tuple[str, int], OracleQuoteBar]:
    """Bars of one interval by symbol and start, all of them over: each quote holds until the next or the bar's end."""
    bars: dict[tuple[str, int], OracleQuoteBar] = {}
    held: dict[str, list[OracleQuote]] = {}
    for quote in quotes:
        of_symbol = held.setdefault(quote.symbol, [])
        if not of_symbol or quote.event_time_us >= of_symbol[-1].event_time_us:
            of_symbol.append(quote)
    for symbol, those in held.items():
        for quote, following in zip(those, [*those[1:], None], strict=True):
            start_us = (quote.event_time_us - origin_us) // length_us * length_us + origin_us
            end_us = start_us + length_us
            until_us = end_us if following is None else min(following.event_time_us, end_us)
            bar = bars.setdefault((symbol, start_us), OracleQuoteBar())
            bar.bids.append(quote.bid)
            bar.asks.append(quote.ask)
            bar.version = quote.offset
            if quote.is_crossed:
                bar.crossed += 1
                bar.crossed_us += until_us - quote.event_time_us
            else:
                spread = EXACT.subtract(quote.ask, quote.bid)
                bar.spreads.append(spread)
                bar.held.append((spread, until_us - quote.event_time_us))
    return bars
