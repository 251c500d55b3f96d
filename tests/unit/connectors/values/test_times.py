"""Times as numbers: units, rounding, origins, and numbers that hardly mean a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.values.times import NO_ORIGIN, place_time, read_time, time_from_double, time_from_long
from schemas.rejects import Reason
from tests.unit.kernels.test_text_read import cell

FAR = 2**63 - 1
AUTO, S, MS, US, NS = range(5)


def time_of(text: str, unit: int = AUTO, origin_us: int = NO_ORIGIN) -> int | Reason:
    micros, reason = read_time(*cell(text), unit, origin_us)
    return Reason(reason) if reason else int(micros)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("315532800", 0, 315_532_800_000_000),
        ("0", 1, 0),
        ("99999999999", 0, 99_999_999_999_000_000),
        ("100000000000", 0, Reason.UNCLEAR_TIME),
        ("315532800000", 0, 315_532_800_000_000),
        ("-1", 3, -1),
        ("100000.5", 1, 100_000_500_000),
        ("100000.0000019", 1, 100_000_000_001),
        ("1e8", 2, 100_000_000_000),
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
def test_whole_times_saturate_and_round_down(value: int, unit: int) -> None:
    exact = value // 1000 if unit == 4 else value * {1: 10**6, 2: 10**3, 3: 1, 5: 86_400 * 10**6}[unit]
    assert time_from_long(value, unit) == max(-FAR, min(FAR, exact)) or value == -(2**63)


@given(st.floats(), st.integers(0, 4))
def test_floating_times_never_wrap(value: float, unit: int) -> None:
    micros, reason = time_from_double(value, unit)
    if not np.isfinite(value):
        assert reason == Reason.BAD_VALUE
    elif abs(value) >= 1e19:
        assert reason == Reason.OUT_OF_RANGE
    else:
        assert reason == Reason.NONE
        assert (micros >= 0) == (value >= 0) or micros == 0


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("45413.0", AUTO),  # a spreadsheet's day
        ("19844", AUTO),  # days since 1970
        ("34200.017459617", AUTO),  # seconds after midnight
        ("20240501", AUTO),
        ("202405010930", AUTO),
        ("0", AUTO),
        ("315532799.999999", AUTO),
        *[(text, unit) for unit in (S, MS, US, NS) for text in ("45413.0", "34200.5", "0.0", "1e0")],
    ],
)
def test_numbers_that_hardly_mean_a_time_are_not_believed(text: str, unit: int) -> None:
    assert time_of(text, unit) == Reason.UNCLEAR_TIME


@pytest.mark.parametrize("unit", [S, MS, US, NS])
def test_a_whole_number_in_a_named_unit_is_believed(unit: int) -> None:
    assert time_of("0", unit) == 0
    assert isinstance(time_of("45413", unit), int)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [("34200.0174596", S, 1_034_200_017_459), ("34200017", MS, 1_034_200_017_000), ("0", S, 10**12),
     ("-1", S, Reason.BAD_VALUE), ("9999999999999", S, FAR), ("2024-05-01", S, 1_714_521_600_000_000)],
)  # fmt: skip
def test_times_that_count_from_an_origin(text: str, unit: int, expected: int | Reason) -> None:
    assert time_of(text, unit, 10**12) == expected


@given(st.integers(-FAR, FAR), st.booleans(), st.integers(0, 4), st.integers(-(10**15), 10**16))
def test_placing_never_wraps(micros: int, whole: bool, unit: int, origin_us: int) -> None:
    placed, reason = place_time(micros, whole, unit, origin_us)
    assert reason == (Reason.BAD_VALUE if micros < 0 else 0)
    assert reason or placed == min(micros + origin_us, FAR)


@pytest.mark.parametrize("below", [7_812, 23_437])
def test_a_floating_time_half_way_between_two_microseconds_goes_to_the_even_one(below: int) -> None:
    value = 100_000 + (below + 0.5) / 1_000_000
    assert time_from_double(value, S) == (100_000_000_000 + below + below % 2, 0)
