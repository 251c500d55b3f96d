"""A range of time in milliseconds; other units are refused by name, with the value that would be right."""

import pytest

from gateway.messages.values import MS_MAX
from gateway.rest.errors import ApiError
from gateway.rest.time_range import TimeRange, read_range
from gateway.rest.words import OhlcQuery, TradesQuery

JAN_2024_MS = 1_704_067_200_000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (OhlcQuery(), TimeRange(0, MS_MAX, False)),
        (OhlcQuery(order="asc"), TimeRange(0, MS_MAX, False)),
        (OhlcQuery(order="asc", start_time=0), TimeRange(0, MS_MAX, True)),
        (TradesQuery(start_time=JAN_2024_MS, end_time=JAN_2024_MS), TimeRange(JAN_2024_MS, JAN_2024_MS, False)),
        (TradesQuery(start_time=1, end_time=315_532_799), TimeRange(1, 315_532_799, False)),
        (TradesQuery(start_time=315_532_800_000), TimeRange(315_532_800_000, MS_MAX, False)),
    ],
)
def test_ranges(query: OhlcQuery | TradesQuery, expected: TimeRange) -> None:
    assert read_range(query) == expected


@pytest.mark.parametrize(
    ("given", "unit", "meant_ms"),
    [
        (JAN_2024_MS // 1000, "seconds", JAN_2024_MS),
        (315_532_800, "seconds", 315_532_800_000),
        (4_102_444_800, "seconds", 4_102_444_800_000),
        (JAN_2024_MS * 1000, "microseconds", JAN_2024_MS),
        (JAN_2024_MS * 10**6, "nanoseconds", JAN_2024_MS),
    ],
)
@pytest.mark.parametrize("name", ["startTime", "endTime"])
def test_other_units_are_refused_with_the_right_value(name: str, given: int, unit: str, meant_ms: int) -> None:
    field = {"startTime": "start_time", "endTime": "end_time"}[name]
    with pytest.raises(ApiError) as caught:
        read_range(OhlcQuery(**{field: given}))
    assert str(caught.value) == (
        f"{name} is in milliseconds since the epoch; {given} looks like {unit}: {meant_ms} would be right"
    )
    assert caught.value.details == {"parameter": name, "given": given, "milliseconds": meant_ms}
    assert caught.value.status == 400


def test_what_is_no_time_in_any_unit_and_an_empty_range_are_refused() -> None:
    with pytest.raises(ApiError, match=f"up to {MS_MAX}"):
        read_range(OhlcQuery(start_time=2**63 - 1 + 10**24))
    with pytest.raises(ApiError, match="startTime is after endTime"):
        read_range(OhlcQuery(start_time=2, end_time=1))
