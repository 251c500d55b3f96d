"""Checked values of a desk's records: amounts in units, names, times, or why one can't be used.

The readers of records beside this file call these for each field; the decoder makes a Reject of a RecordRefused. A
number is a Decimal from its own text, so none ever was a float. A time is a number of milliseconds since the epoch, ISO
8601 with its offset, or a time of Avro; a record without one has the time of its Kafka record.
"""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Final

import msgspec

from kernels.symbols import SYMBOL_RULE, is_symbol
from schemas.columns import BUY, NO_TIMESTAMP, SELL, UNKNOWN
from schemas.contract import UNITS_LIMIT, YEAR_2300_US
from schemas.desk import NARROW_LIMIT
from schemas.rejects import Reason

__all__ = [
    "RecordRefused",
    "event_time_us",
    "narrow_units",
    "share_units",
    "side_of",
    "symbol_of",
    "whole_us",
    "wide_units",
    "word_of",
]

SCALE: Final = 10
US_DIGITS: Final = 3
"""Of a number of milliseconds, what are microseconds."""
EXACT: Final = Context(prec=80)
DIGITS_MAX: Final = 60
"""Digits before or behind the point of a number that is looked at: far more than any amount that is taken."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
WORD_MAX: Final = 64
SIDES: Final = {"": UNKNOWN, "BUY": BUY, "SELL": SELL}


class RecordRefused(Exception):
    """Why a record can't be used, taken by the decoder."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(reason.label, detail)


def wide_units(value: Decimal, name: str) -> int:
    """Units of 10**-10; its magnitude is below 10**18."""
    return _units(value, name, UNITS_LIMIT)


def narrow_units(value: Decimal, name: str) -> int:
    """Units of 10**-10; its magnitude is below 900,000,000."""
    return _units(value, name, NARROW_LIMIT)


def share_units(value: Decimal, name: str, most: int) -> int:
    """Likewise of a share or a percentage: 0 to ``most``."""
    units = narrow_units(value, name)
    if not 0 <= units <= most * 10**SCALE:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"{name} is {value}, not 0 to {most}")
    return units


def whole_us(value: Decimal, name: str) -> int:
    """Microseconds of a number of milliseconds; a half goes to the even one."""
    _look_at(value, name)
    us = int(value.scaleb(US_DIGITS, EXACT).to_integral_value(context=EXACT))
    if not 0 <= us < NARROW_LIMIT:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"{name} is {value}")
    return us


def symbol_of(text: str) -> str:
    if not is_symbol(text):
        raise RecordRefused(Reason.BAD_SYMBOL, f"symbol {text[:80]!r} isn't {SYMBOL_RULE}")
    return text


def word_of(text: str, name: str) -> str:
    """A name that a desk gives: what a symbol may be."""
    if not is_symbol(text):
        raise RecordRefused(Reason.BAD_VALUE, f"{name} {text[:80]!r} isn't {SYMBOL_RULE}")
    return text


def side_of(text: str) -> int:
    side = SIDES.get(text.upper())
    if side is None:
        raise RecordRefused(Reason.BAD_VALUE, f"side {text[:80]!r} is neither BUY nor SELL")
    return side


def event_time_us(value: object, timestamp_ms: int, future_us: int) -> int:
    """Microseconds since the epoch. ``value``: JSON text, or what Avro gives; None and no text for none."""
    if isinstance(value, msgspec.Raw):
        value = _from_json(bytes(value))
    if value is None:
        if timestamp_ms == NO_TIMESTAMP:
            raise RecordRefused(Reason.MISSING_FIELD, "eventTime is missing, and the record has no timestamp either")
        return timestamp_ms * 1000
    time_us = _in_us(value)
    if time_us < 0:
        raise RecordRefused(Reason.BEFORE_1970, f"event time is {time_us} us, before 1970")
    if timestamp_ms != NO_TIMESTAMP and time_us - future_us > timestamp_ms * 1000:
        ahead_ms = time_us // 1000 - timestamp_ms
        raise RecordRefused(Reason.FUTURE_TIME, f"event time is {ahead_ms} ms ahead of the record's timestamp")
    if time_us >= YEAR_2300_US:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"event time is {time_us} us")
    return time_us


def _from_json(text: bytes) -> object:
    """A Decimal, a text, or None for null and for nothing."""
    if text in (b"", b"null"):
        return None
    try:
        return msgspec.json.decode(text, type=str if text.startswith(b'"') else Decimal)
    except msgspec.DecodeError as error:
        raise RecordRefused(Reason.BAD_VALUE, f"eventTime is no time: {error}") from None


def _in_us(value: object) -> int:
    if isinstance(value, str):
        text = value
        try:
            value = msgspec.convert(text, datetime)
        except msgspec.ValidationError:
            raise RecordRefused(Reason.BAD_VALUE, f"eventTime {text[:80]!r} is no time of ISO 8601") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise RecordRefused(Reason.BAD_VALUE, f"eventTime {value.isoformat()} says no offset")
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        _look_at(number, "eventTime")
        return int(number.scaleb(US_DIGITS, EXACT).to_integral_value("ROUND_FLOOR", EXACT))
    raise RecordRefused(Reason.BAD_VALUE, f"eventTime is no time: {type(value).__name__}")


def _units(value: Decimal, name: str, limit: int) -> int:
    _look_at(value, name)
    scaled = value.scaleb(SCALE, EXACT)
    units = int(scaled)
    if abs(units) >= limit:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"{name} is {value}")
    if units != scaled:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"{name} has more than {SCALE} fractional digits: {value}")
    return units


def _look_at(value: Decimal, name: str) -> None:
    """Raises RecordRefused for what is no number, or one so long that nothing exact could be done with it."""
    if not value.is_finite():
        raise RecordRefused(Reason.BAD_VALUE, f"{name} is {value}")
    digits = value.as_tuple()
    if value.adjusted() > DIGITS_MAX or int(digits.exponent) < -DIGITS_MAX or len(digits.digits) > DIGITS_MAX:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"{name} has too many digits")
