"""The rules that a decoded trade must keep: its symbol, its price and size, its times, its text.

Flows run it on TRADE rows between decoding and splitting; what breaks a rule gets a ``reason`` and becomes a dead
letter. The rules and their order are those of the contract. The first rule broken names the reason, and a row that was
refused before keeps its own. A trade ahead of its Kafka record's timestamp by more than a bound is refused, so that one
wrong clock can't push the watermark over all others. Text must be UTF-8, because one bad byte in an exchange's name
would otherwise stop a sink long after its record.
"""

from typing import Final

import numpy as np

from kernels.kernel import kernel
from kernels.symbols import is_symbol_text
from kernels.utf8 import is_utf8
from kernels.wide import less128, negate128
from schemas.columns import Bytes, TradeRows, Whole
from schemas.contract import UNITS_LIMIT, YEAR_2300_US
from schemas.rejects import Reason

__all__ = ["validate"]

_BAD_SYMBOL: Final = int(Reason.BAD_SYMBOL)
_PRICE_NOT_POSITIVE: Final = int(Reason.PRICE_NOT_POSITIVE)
_SIZE_NEGATIVE: Final = int(Reason.SIZE_NEGATIVE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_FUTURE_TIME: Final = int(Reason.FUTURE_TIME)
_BEFORE_1970: Final = int(Reason.BEFORE_1970)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_NONE: Final = int(Reason.NONE)

_PLAIN_LENGTH_MAX: Final = 64
_PLAIN_BYTES: Final = np.zeros(256, np.bool_)
_PLAIN_BYTES[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/:")] = True
"""Of these every symbol of at most 64 bytes is one: the usual ones need no look at code points."""
_LIMIT_HI: Final = np.uint64(UNITS_LIMIT >> 64)
_LIMIT_LO: Final = np.uint64(UNITS_LIMIT & (2**64 - 1))
_TIMESTAMP_MS_MAX: Final = 2**63 // 1000 - 1


def validate(rows: TradeRows, text: bytes, future_us: int) -> None:
    """Sets ``reason`` of every row (TRADE) that is still 0 and breaks a rule.

    text: what the rows' text fields point into. future_us: how far event time may be ahead of the record's timestamp.
    """
    _validate(rows, np.frombuffer(text, np.uint8), future_us)


@kernel
def _validate(rows: TradeRows, text: Bytes, future_us: int) -> None:
    for index in range(len(rows)):
        row = rows[index]
        if row["reason"] != _NONE:
            continue
        # Loops over text stand here and not in kernels of their own: passing arrays on costs more than the loops.
        is_plain = 1 <= row["symbol_len"] <= _PLAIN_LENGTH_MAX
        if is_plain:
            for at in range(row["symbol_at"], row["symbol_at"] + row["symbol_len"]):
                is_plain &= _PLAIN_BYTES[text[at]]
        high = np.uint8(0)
        for at in range(row["trade_id_at"], row["trade_id_at"] + row["trade_id_len"]):
            high |= text[at]
        for at in range(row["exchange_at"], row["exchange_at"] + row["exchange_len"]):
            high |= text[at]
        if (
            _is_out_of_range(row["price_hi"], row["price_lo"])
            or _is_out_of_range(row["size_hi"], row["size_lo"])
            or (row["has_bid"] != 0 and _is_out_of_range(row["bid_hi"], row["bid_lo"]))
            or (row["has_ask"] != 0 and _is_out_of_range(row["ask_hi"], row["ask_lo"]))
        ):
            row["reason"] = _OUT_OF_RANGE
        elif not is_plain and not (
            is_utf8(text, row["symbol_at"], row["symbol_at"] + row["symbol_len"])
            and is_symbol_text(text, row["symbol_at"], row["symbol_at"] + row["symbol_len"])
        ):
            row["reason"] = _BAD_SYMBOL
        elif row["price_hi"] < 0 or (row["price_hi"] == 0 and row["price_lo"] == np.uint64(0)):
            row["reason"] = _PRICE_NOT_POSITIVE
        elif row["size_hi"] < 0:
            row["reason"] = _SIZE_NEGATIVE
        elif row["event_time_us"] < 0:
            row["reason"] = _BEFORE_1970
        elif (
            0 <= row["timestamp_ms"] < _TIMESTAMP_MS_MAX
            and row["event_time_us"] - future_us > row["timestamp_ms"] * 1000
        ):
            row["reason"] = _FUTURE_TIME
        elif row["event_time_us"] >= YEAR_2300_US:  # only without a record timestamp
            row["reason"] = _OUT_OF_RANGE
        elif high >= np.uint8(128) and not (
            is_utf8(text, row["trade_id_at"], row["trade_id_at"] + row["trade_id_len"])
            and is_utf8(text, row["exchange_at"], row["exchange_at"] + row["exchange_len"])
        ):
            row["reason"] = _BAD_VALUE


@kernel
def _is_out_of_range(hi: Whole, lo: np.uint64) -> bool:
    """Whether the magnitude is 10**18 or more, that is 10**28 units and more."""
    high, low = np.uint64(hi), lo
    if hi < 0:
        high, low = negate128(high, low)
    return not less128(high, low, _LIMIT_HI, _LIMIT_LO)
