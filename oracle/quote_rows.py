"""The rows that the table of quote bars must hold, from quotes as the oracle reads them.

Proofs compare them with ClickHouse (oracle.rows). A quote is read as a trade is, with the bid in the place of the price
and the ask beside it; what is refused of it, and of which version a bar must be there, is written here from
docs/quotes.md. Sketches are counts of microseconds by bucket, computed from single spreads.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from oracle.desk_rows import bucket_of
from oracle.quotes import OracleQuote, OracleQuoteBar, recompute_bars
from oracle.rows import ExpectedRow, Key
from oracle.truth import INTERVAL_US, OracleReject, OracleTrade
from schemas.intervals import INTERVALS
from schemas.rejects import Reason

__all__ = ["QUOTE_BAR_FIELDS", "quote_bar_rows", "quote_of"]

QUOTE_BAR_FIELDS: Final = (
    *("bid_open", "bid_high", "bid_low", "bid_close", "ask_open", "ask_high", "ask_low", "ask_close", "spread_min"),
    *("spread_max", "count", "crossed", "spread_us", "crossed_us", "spread_sum", "spread"),
)
ORIGIN_US: Final = {each.name: each.origin_us for each in INTERVALS}
UNITS: Final = Decimal(10) ** 10
WIDEST: Final = 2**63 - 1


def quote_of(read: OracleTrade | OracleReject) -> OracleQuote | OracleReject:
    """The quote of a record that was read as a trade: price and size of the bid, price and size of the ask as its bid
    and ask."""
    if isinstance(read, OracleReject):
        return read
    reason = Reason.NONE
    if read.bid is None or read.ask is None:
        reason = Reason.MISSING_FIELD
    elif read.bid <= 0:
        reason = Reason.PRICE_NOT_POSITIVE
    elif read.ask < 0:
        reason = Reason.SIZE_NEGATIVE
    if read.bid is None or read.ask is None or reason:
        return OracleReject(read.partition, read.offset, reason)
    place = (read.partition, read.offset, read.event_time_us)
    return OracleQuote(*place, read.symbol, read.price, read.bid, read.size, read.ask, read.exchange)


def quote_bar_rows(
    quotes: Sequence[OracleQuote], intervals: Iterable[str], out_of_order_us: int, first_sequence: int
) -> dict[Key, ExpectedRow]:
    """Bars of the quotes of one partition, in offset order, by symbol, interval, start and partition.

    One must be there once a later bar of its symbol began or the watermark passed its end; others when the clock said
    so.
    """
    found: dict[Key, ExpectedRow] = {}
    if not quotes:
        return found
    partition = quotes[0].partition
    watermark_us = max(quote.event_time_us for quote in quotes) - out_of_order_us
    for interval in intervals:
        length_us = INTERVAL_US[interval]
        bars = recompute_bars(quotes, length_us, ORIGIN_US[interval])
        newest = _newest_starts(bars)
        for (symbol, start_us), bar in bars.items():
            version = first_sequence + bar.version
            is_due = start_us < newest[symbol] or start_us + length_us <= watermark_us
            found[symbol, interval, start_us, partition] = ExpectedRow(
                _values(bar), version, version if is_due else None
            )
    return found


def _newest_starts(bars: Mapping[tuple[str, int], OracleQuoteBar]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for symbol, start_us in bars:
        newest[symbol] = max(newest.get(symbol, start_us), start_us)
    return newest


def _values(bar: OracleQuoteBar) -> tuple[object, ...]:
    sides = [value for those in (bar.bids, bar.asks) for value in (those[0], max(those), min(those), those[-1])]
    buckets: Counter[int] = Counter()
    for spread, held_us in bar.held:
        if held_us:
            buckets[bucket_of(min(int(spread * UNITS), WIDEST))] += held_us
    return (
        *sides, min(bar.spreads, default=Decimal(0)), max(bar.spreads, default=Decimal(0)), len(bar.bids), bar.crossed,
        bar.spread_us, bar.crossed_us, bar.spread_sum, dict(buckets),
    )  # fmt: skip
