"""From rows as decoders of trades make them to rows of quotes: which columns mean what, and what is refused.

A quote is read by the decoders of trades, so that every format, name and number is read alike: the bid's price and size
stand where those of a trade do, the ask's in the columns of a trade's bid and ask. flows.quotes_reading gives the rows
here after the rules of trades were checked (core.bars.validation), which hold for symbol, bid, times and text alike.
What those can't see, a missing or unusable ask, is refused here. A crossed quote is no fault of its record.
"""

from typing import Final

import numpy as np

from kernels.decimal_text import from_pair, plain
from schemas.columns import Longs, Mask, TradeRow, TradeRows, Words
from schemas.quotes import QUOTE, QuoteRows
from schemas.rejects import Reason

__all__ = ["FIELD_OF_TRADE", "quote_rows", "refuse_asks", "what_is_wrong"]

FIELD_OF_TRADE: Final = {"price": "bid", "size": "bid_size", "bid": "ask", "ask": "ask_size"}
"""Where a decoder of trades puts what a quote has."""
COPIED: Final = (
    "offset", "timestamp_ms", "event_time_us", "symbol_at", "symbol_len", "exchange_at", "exchange_len",
)  # fmt: skip


def refuse_asks(rows: TradeRows) -> None:
    """Sets ``reason`` of every row that is still 0 and lacks an ask or its size, or has one that no ask can have."""
    good = rows["reason"] == Reason.NONE
    missing = (rows["has_bid"] == 0) | (rows["has_ask"] == 0)
    rows["reason"][good & missing] = Reason.MISSING_FIELD
    good &= ~missing
    rows["reason"][good & _is_below_one(rows["bid_hi"], rows["bid_lo"])] = Reason.PRICE_NOT_POSITIVE
    good &= rows["reason"] == Reason.NONE
    rows["reason"][good & (rows["ask_hi"] < 0)] = Reason.SIZE_NEGATIVE


def what_is_wrong(row: TradeRow) -> str:
    """In words of quotes, for the reasons that have to do with a price or a size; else nothing."""
    match Reason(int(row["reason"])):
        case Reason.MISSING_FIELD if not (row["has_bid"] and row["has_ask"]):
            return f"missing: {'ask_size' if row['has_bid'] else 'ask'}"
        case Reason.PRICE_NOT_POSITIVE:
            of_trade = "price" if _value(row, "price") <= 0 else "bid"
        case Reason.SIZE_NEGATIVE:
            of_trade = "size" if _value(row, "size") < 0 else "ask"
        case _:
            return ""
    return f"{FIELD_OF_TRADE[of_trade]} is {plain(_value(row, of_trade))}"


def quote_rows(rows: TradeRows) -> QuoteRows:
    """QUOTE[n] of rows that are good."""
    quotes = np.zeros(len(rows), QUOTE)
    for name in COPIED:
        quotes[name] = rows[name]
    for of_trade, name in FIELD_OF_TRADE.items():
        quotes[f"{name}_hi"], quotes[f"{name}_lo"] = rows[f"{of_trade}_hi"], rows[f"{of_trade}_lo"]
    return quotes


def _is_below_one(hi: Longs, lo: Words) -> Mask:
    below: Mask = (hi < 0) | ((hi == 0) & (lo == 0))
    return below


def _value(row: TradeRow, name: str) -> int:
    return from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"]))
