"""Reads single values of a record for the oracle: numbers, times, sides and texts, as the venue writes them.

oracle.records hands in what json or oracle.avro made of a field, and how the settings say that values
are written. The rules stand here once more, in plain Python on ``decimal`` and ``datetime``, and share no code with
connectors. A value that can't be used raises Refused with its reason.
"""

import math
import re
import struct
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

from oracle.avro import Fixed, OfDay, Single, Timed, Unscaled
from oracle.truth import SCALE_10
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

__all__ = ["Refused", "fits", "number_of", "says_nothing", "side_of", "text_of", "time_us_of"]

TEXT_BYTES_MAX: Final = 65_535
WHOLE_DIGITS_MAX: Final = 18
TIME_US_MAX: Final = 2**63 - 1
UNIT_NS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1, "days": 86_400 * 10**9}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_1980_US: Final = (datetime(1980, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
DAY_US: Final = 86_400_000_000
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE: Final = r"(?P<year>\d{4})(?:(?P<mark>[-/.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d)|(?P<basic>\d{4})(?=[TtDd -]))"
CLOCK: Final = (
    r"(?P<hour>\d\d)(?:(?P<colon>:)|)(?P<minute>\d\d)"
    r"(?:(?(colon):|)(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
)
ZONE: Final = (
    r"(?: ?(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<east>\d\d)(?::?(?P<rest>\d\d))?(?P<also> (?:Z|UTC|GMT))?))?"
    r"(?P<region>\[[^\]]+\])?"
)
MOMENT: Final = re.compile(rf"{DATE}(?:(?P<between>[TtDd -]){CLOCK}{ZONE})?", re.ASCII | re.IGNORECASE)
BUYS: Final = frozenset({"buy", "b", "bid", "buyer", "bought"})
SELLS: Final = frozenset({"sell", "s", "ask", "a", "offer", "seller", "sold"})
NOTHINGS: Final = frozenset(
    ("", "-", "--", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "nil", "none", "null", "\\n", "undefined")
)
TURNED: Final = {"BUY": "SELL", "SELL": "BUY", "UNKNOWN": "UNKNOWN"}


class Refused(Exception):
    """The record is refused for ``reason``."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def fits(number: Decimal) -> bool:
    """Whether ``number`` has at most 18 whole digits and 10 decimal places."""
    # The exponent is looked at first, as arithmetic on 1e999999999 would not end.
    return not number or (-11 < number.adjusted() < WHOLE_DIGITS_MAX and number == number.quantize(SCALE_10))


def says_nothing(value: Any) -> bool:
    """Whether an optional field that holds ``value`` is as good as absent."""
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str | bytes) and _word(value) in NOTHINGS


def number_of(value: Any, scale: int, rounding: bool) -> Decimal:
    """``value`` divided by 10**scale; with ``rounding`` half-even to ten places where it has more."""
    number = _number(value)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    number = Decimal((sign, digits, exponent - scale))
    if not number:
        return Decimal(0)
    if rounding and number.adjusted() < WHOLE_DIGITS_MAX:
        number = number.quantize(SCALE_10, ROUND_HALF_EVEN) if number.adjusted() > -15 else Decimal(0)
    if not fits(number):
        raise Refused(Reason.OUT_OF_RANGE)
    return number


def text_of(value: Any) -> str:
    if isinstance(value, bytes):
        text = value.decode("utf-8", "surrogateescape")
    elif isinstance(value, Timed):
        text = str(value.number)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value)
    else:
        raise Refused(Reason.BAD_VALUE)
    if len(_bytes(text)) > TEXT_BYTES_MAX:
        raise Refused(Reason.TOO_LARGE)
    return text


def side_of(value: Any, words: TradeWords) -> str:
    """BUY, SELL or UNKNOWN: by the map of the settings, else by what the word means anywhere."""
    if isinstance(value, Timed):
        value = value.number
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | bytes | int | Decimal):
        raise Refused(Reason.BAD_VALUE)
    word = _word(value if isinstance(value, str | bytes) else str(value))
    mapped = {_word(theirs): side.upper() for theirs, side in words.sides.items()}
    maker = words.side_of == "maker"
    if word in mapped:
        side = mapped[word]
    elif word in BUYS or (maker and word == "true"):
        side = "BUY"
    elif word in SELLS or (maker and word == "false"):
        side = "SELL"
    else:
        side = "UNKNOWN"
    return TURNED[side] if maker else side


def time_us_of(value: Any, time_unit: str, origin_us: int | None) -> int:
    """Microseconds since 1970, rounded down, of a float to the nearest."""
    if isinstance(value, Unscaled):
        raise Refused(Reason.BAD_VALUE)
    if isinstance(value, bytes) and not isinstance(value, Fixed):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        text = value.strip(" ")
        if re.match(DATE, text, re.ASCII | re.IGNORECASE):
            return _moment_us(text)
    number = _number(value)
    if isinstance(value, float):
        number = Decimal(value)  # a time is what the float holds; a price is what its text says
    if number and number.adjusted() > WHOLE_DIGITS_MAX:
        raise Refused(Reason.OUT_OF_RANGE)
    unit = time_unit
    if isinstance(value, Timed):
        unit = value.unit
    elif origin_us is not None:
        unit = value.unit if isinstance(value, OfDay) else "s" if unit == "auto" else unit
    is_auto = unit == "auto"
    if is_auto:
        size = abs(number)
        unit = "s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns"
    exact = number * UNIT_NS[unit] / 1000
    time_us = int(exact.to_integral_value(ROUND_HALF_EVEN if isinstance(value, float) else ROUND_FLOOR))
    if isinstance(value, Timed):
        return min(time_us, TIME_US_MAX)
    if origin_us is not None:
        if time_us < 0:
            raise Refused(Reason.BAD_VALUE)
        return min(time_us + origin_us, TIME_US_MAX)
    is_whole = not re.search("[.eE]", value) if isinstance(value, str) else isinstance(value, int)
    if (is_auto and 0 <= time_us < YEAR_1980_US) or (not is_auto and not is_whole and 0 <= time_us < DAY_US):
        raise Refused(Reason.UNCLEAR_TIME)
    return min(time_us, TIME_US_MAX)


def _moment_us(text: str) -> int:
    found = MOMENT.fullmatch(text)
    if not found:
        raise Refused(Reason.BAD_VALUE)
    part = found.groupdict()
    if part["between"] == "-" and not part["basic"]:
        raise Refused(Reason.BAD_VALUE)
    month, day = (part["basic"][:2], part["basic"][2:]) if part["basic"] else (part["month"], part["day"])
    second = int(part["second"] or 0)
    east = timedelta(hours=int(part["east"] or 0), minutes=int(part["rest"] or 0))
    if int(part["east"] or 0) > 23 or int(part["rest"] or 0) > 59 or (part["also"] and east):
        raise Refused(Reason.BAD_VALUE)
    region = (part["region"] or "").strip("[]").lower().removeprefix("etc/")
    if region and not part["utc"] and not part["sign"] and region not in ("utc", "gmt", "z"):
        raise Refused(Reason.BAD_VALUE)
    try:
        time = datetime(
            int(part["year"]), int(month), int(day), int(part["hour"] or 0), int(part["minute"] or 0), min(second, 59),
            tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise Refused(Reason.BAD_VALUE) from None
    since = time - EPOCH - (-east if part["sign"] == "-" else east)
    if second > 60 or (second == 60 and (since.seconds // 60) != 24 * 60 - 1):
        raise Refused(Reason.BAD_VALUE)
    # A leap second is the second after it.
    return (since + timedelta(seconds=max(second - 59, 0))) // timedelta(microseconds=1) + int(
        f"{part['fraction'] or 0:0<6}"[:6]
    )


def _number(value: Any) -> Decimal:
    if isinstance(value, Timed):
        return Decimal(value.number)
    if isinstance(value, Unscaled):
        return Decimal(value.number).scaleb(-value.scale)
    if isinstance(value, float):
        value = _shortest_single(value) if isinstance(value, Single) else repr(value)
    if isinstance(value, bytes) and not isinstance(value, Fixed):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.strip(" ")
        if not NUMBER.fullmatch(value):
            raise Refused(Reason.BAD_VALUE)
    elif type(value) not in (int, OfDay, Decimal):
        raise Refused(Reason.BAD_VALUE)
    try:
        return Decimal(value)
    except InvalidOperation:  # the exponent alone is out of what a Decimal holds
        raise Refused(Reason.OUT_OF_RANGE) from None


def _shortest_single(value: float) -> str:
    """The shortest text that reads back as the same single-precision float."""
    if not math.isfinite(value):
        return repr(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, 18))
    return next(text for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))


def _word(text: str | bytes) -> str:
    """Without blanks around, ASCII letters in lower case, ``+1`` and ``1.0`` as ``1``."""
    raw = _bytes(text) if isinstance(text, str) else text
    word = raw.strip(b" ").lower().decode("utf-8", "surrogateescape")
    number = re.fullmatch(r"\+?(-?\d+)(?:\.0+)?", word, re.ASCII)
    if number and not word.startswith("+-"):
        return number[1]
    return word[1:] if re.match(r"\+\d", word, re.ASCII) else word


def _bytes(text: str) -> bytes:
    # A lone surrogate is a byte that wasn't UTF-8, or an escape of JSON's that no text may hold.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
