"""Numbers, times, sides and ids from text, against Python's own decimal and datetime."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.text import read_number, read_side, read_time, time_from_double, time_from_long
from schemas.columns import BUY, SELL, UNKNOWN
from schemas.decimals import from_pair
from schemas.rejects import Reason
from tests.property.avro_writers import units_of

FAR = 2**63 - 1


def cell(text: str) -> tuple[np.ndarray, int, int]:
    """The text between digits that don't belong to it."""
    data = text.encode()
    return np.frombuffer(b"99" + data + b"99", np.uint8), 2, 2 + len(data)


def number_of(text: str) -> int | Reason:
    hi, lo, reason = read_number(*cell(text))
    return Reason(reason) if reason else from_pair(hi, lo)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0.000", 0),
        ("+1", 10**10),
        (".5", 5 * 10**9),
        ("5.", 5 * 10**10),
        ("  1.25 ", 125 * 10**8),
        ("1e-10", 1),
        ("10e-11", 1),
        ("0e999999999999", 0),
        ("1e17", 10**27),
        ("999999999999999999.9999999999", 10**28 - 1),
        ("-999999999999999999.9999999999", 1 - 10**28),
        ("1e18", Reason.OUT_OF_RANGE),
        ("1e99999999999999999999", Reason.OUT_OF_RANGE),
        ("1e-99999999999999999999", Reason.OUT_OF_RANGE),
        ("0.00000000001", Reason.OUT_OF_RANGE),
        ("0.000000000010", Reason.OUT_OF_RANGE),
        ("1" + "0" * 30 + "e-30", 10**10),
        ("0" * 300 + "7", 7 * 10**10),
        ("9" * 29, Reason.OUT_OF_RANGE),
        *[(bad, Reason.BAD_VALUE) for bad in ("", " ", ".", "-", "+-1", "1.2.3", "1e", "1e+", "e5", "1_0", "1,0")],
        *[(bad, Reason.BAD_VALUE) for bad in ("NaN", "Infinity", "0x1", "1 2", "\u0661", "1\n")],
    ],
)
def test_numbers(text: str, expected: int | Reason) -> None:
    assert number_of(text) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False))
@settings(deadline=None)  # the first call compiles
def test_any_decimal(number: Decimal) -> None:
    assert number_of(str(number)) == units_of(number)


@given(st.integers(-(10**28) - 1, 10**28 + 1), st.integers(0, 4), st.integers(0, 30))
@settings(deadline=None)  # the first call compiles
def test_plain_numbers_with_zeros_around(units: int, before: int, behind: int) -> None:
    whole, fraction = divmod(abs(units), 10**10)
    text = f"{'-' if units < 0 else ''}{'0' * before}{whole}.{fraction:010d}{'0' * behind}"
    assert number_of(text) == (units if abs(units) < 10**28 else Reason.OUT_OF_RANGE)


@given(st.text("0123456789+-.eE ", max_size=8))
@settings(deadline=None)  # the first call compiles
def test_what_decimal_takes_is_taken(text: str) -> None:
    try:
        expected = units_of(Decimal(text.strip(" ")))
    except ArithmeticError:
        expected = Reason.BAD_VALUE
    assert number_of(text) == expected


@pytest.mark.parametrize(
    ("text", "side"),
    [*[(each, BUY) for each in ("BUY", "buy", "Buy", "B", "b")], *[(each, SELL) for each in ("SELL", "sell", "S", "s")],
     *[(each, UNKNOWN) for each in ("", "UNKNOWN", "BUYS", "SEL", "x", "\x02", "buy ")]],
)  # fmt: skip
def test_sides(text: str, side: int) -> None:
    assert read_side(*cell(text)) == side


def time_of(text: str, unit: int = 0) -> int | Reason:
    micros, reason = read_time(*cell(text), unit)
    return Reason(reason) if reason else int(micros)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone is drawn
    st.one_of(st.none(), st.integers(-23 * 60, 23 * 60)),
    st.sampled_from("T t"),
)
@settings(deadline=None)  # the first call compiles
def test_iso_times_are_those_of_datetime(moment: datetime, east: int | None, separator: str) -> None:
    zone = UTC if east is None else timezone(timedelta(minutes=east))
    text = moment.isoformat(separator) if east is None else moment.replace(tzinfo=zone).isoformat(separator)
    expected = (moment.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert time_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00Z", 0),
        ("1970-01-01T00:00:01z", 1_000_000),
        ("1970-01-01T00:00:00,5", 500_000),
        ("1970-01-01T01:00:00+0100", 0),
        ("1970-01-01T01:00:00+01", 0),
        ("2024-02-29", 1_709_164_800_000_000),
        *[(bad, Reason.BAD_VALUE) for bad in ("2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "0000-01-01")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T", "1970-01-01T24:00", "1970-01-01T00:60", "1970-01-01X00")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T00:00:60", "1970-01-01T00:00:00.", "1970-01-01T00:00:00+1")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T00:00:00+24:00", "1970-01-01T00:00Zx", "197a-01-01", "")],
    ],
)
def test_iso_edges(text: str, expected: int | Reason) -> None:
    assert time_of(text) == expected


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("0", 0, 0),
        ("99999999999", 0, 99_999_999_999_000_000),
        ("100000000000", 0, 100_000_000_000_000),
        ("-1", 3, -1),
        ("1.5", 1, 1_500_000),
        ("1.0000019", 1, 1_000_001),
        ("1e3", 2, 1_000_000),
        ("1700000000123456789", 4, 1_700_000_000_123_456),
        ("9223372036854775807", 3, FAR),
        ("9999999999999999999", 3, FAR),
        ("99999999999999999999", 3, Reason.OUT_OF_RANGE),
        ("999999999999999999.5", 1, FAR),
        ("-0.5", 1, -FAR),
        ("12:30", 0, Reason.BAD_VALUE),
    ],
)
def test_numeric_times(text: str, unit: int, expected: int | Reason) -> None:
    assert time_of(text, unit) == expected


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 5))
@settings(deadline=None)  # the first call compiles
def test_whole_times_saturate_and_round_down(value: int, unit: int) -> None:
    exact = value // 1000 if unit == 4 else value * {1: 10**6, 2: 10**3, 3: 1, 5: 86_400 * 10**6}[unit]
    assert time_from_long(value, unit) == max(-FAR, min(FAR, exact)) or value == -(2**63)


@given(st.floats(), st.integers(0, 4))
@settings(deadline=None)  # the first call compiles
def test_floating_times_never_wrap(value: float, unit: int) -> None:
    micros, reason = time_from_double(value, unit)
    if not np.isfinite(value):
        assert reason == Reason.BAD_VALUE
    elif abs(value) >= 1e19:
        assert reason == Reason.OUT_OF_RANGE
    else:
        assert reason == Reason.NONE
        assert (micros >= 0) == (value >= 0) or micros == 0
