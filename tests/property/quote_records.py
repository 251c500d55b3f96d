"""Quotes for tests: as the oracle has them, and as the batches that a reader makes of them."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from kernels.decimal_text import from_pair, to_decimal, to_pair, units
from oracle.quotes import OracleQuote
from schemas.quotes import QUOTE, QuoteBatch, QuoteRow

__all__ = ["START_US", "price_of", "quote", "quote_batch", "quotes_of_a_log"]

START_US = 1_760_313_600_000_000


def quote(offset: int, symbol: str = "A", bid: str = "1", ask: str = "2", after_us: int = 0) -> OracleQuote:
    return OracleQuote(0, offset, START_US + after_us, symbol, Decimal(bid), Decimal(ask))


def quote_batch(quotes: Sequence[OracleQuote], next_offset: int = 0, *, caught_up: bool = False) -> QuoteBatch:
    text = b"".join(each.symbol.encode() for each in quotes) + b"XNAS"
    rows, at = np.zeros(len(quotes), QUOTE), 0
    for row, each in zip(rows, quotes, strict=True):
        length = len(each.symbol.encode())
        row["offset"], row["event_time_us"] = each.offset, each.event_time_us
        row["timestamp_ms"] = each.event_time_us // 1000
        for name in ("bid", "ask", "bid_size", "ask_size"):
            row[f"{name}_hi"], row[f"{name}_lo"] = to_pair(units(getattr(each, name)))
        row["symbol_at"], row["symbol_len"] = at, length
        row["exchange_at"], row["exchange_len"] = len(text) - 4, 4
        at += length
    partition = quotes[0].partition if quotes else 0
    end = quotes[-1].offset + 1 if quotes else next_offset
    return QuoteBatch("quotes", partition, rows, text, len(quotes), end, caught_up)


def price_of(row: QuoteRow, name: str) -> Decimal:
    return to_decimal(from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"])))


@st.composite
def quotes_of_a_log(draw: st.DrawFn, most: int = 40) -> list[OracleQuote]:
    """Of one partition, in offset order; times mostly rise, prices are close together or as large as can be."""
    quotes, time_us = [], 0
    price = st.integers(1, 60).map(lambda cents: Decimal(cents).scaleb(-2)) | st.decimals(
        "0.0000000001", "999999999999999999.9999999999", places=10
    )
    for offset in range(draw(st.integers(0, most))):
        time_us += draw(st.integers(-1_500_000, 9_000_000) | st.just(0) | st.integers(50_000_000, 200_000_000))
        symbol = draw(st.sampled_from(("A", "B/C", "Ü")))
        quotes.append(OracleQuote(0, 3 * offset, START_US + time_us, symbol, draw(price), draw(price)))
    return quotes
