"""Dates and times of day, against Python's own datetime: every form that is taken, and what is not."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.values.dates import NO_DATE, read_date_time
from schemas.rejects import Reason
from tests.unit.kernels.test_text_read import cell


def moment_of(text: str) -> int | Reason | None:
    """None where the text doesn't begin with a date."""
    micros, reason = read_date_time(*cell(text))
    if reason == NO_DATE:
        return None
    return Reason(reason) if reason else int(micros)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone is drawn
    st.one_of(st.none(), st.integers(-23 * 60, 23 * 60)),
    st.sampled_from("T tDd"),
)
def test_iso_times_are_those_of_datetime(moment: datetime, east: int | None, separator: str) -> None:
    zone = UTC if east is None else timezone(timedelta(minutes=east))
    text = moment.isoformat(separator) if east is None else moment.replace(tzinfo=zone).isoformat(separator)
    expected = (moment.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert moment_of(text) == expected


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
        ("1970-01-01D00:00:25.948313000", 25_948_313),
        ("1970.01.01D00:00:25", 25_000_000),
        ("1970/01/01 00:00:25", 25_000_000),
        ("1970-01-01 00:00:25 UTC", 25_000_000),
        ("1970-01-01 00:00:25 utc", 25_000_000),
        ("1970-01-01 00:00:25 GMT", 25_000_000),
        ("1970-01-01 00:00:25 +0000 UTC", 25_000_000),
        ("1970-01-01T01:00:25 +01:00", 25_000_000),
        ("19700101T000025Z", 25_000_000),
        ("19700101T000025.5+00", 25_500_000),
        ("19700101T0001", 60_000_000),
        ("19700101-00:00:25.123", 25_123_000),
        ("19700101 000025", 25_000_000),
        ("1970-01-01T00:00:25Z[UTC]", 25_000_000),
        ("1970-01-01T00:00:25[Etc/UTC]", 25_000_000),
        ("1970-01-01T02:00:25+02:00[Europe/Paris]", 25_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("2016-12-31T23:59:60.25Z", 1_483_228_800_250_000),
        ("2017-01-01T05:29:60+05:30", 1_483_228_800_000_000),
        *[(bad, Reason.BAD_VALUE) for bad in ("2016-12-31T22:59:60Z", "2016-12-31T23:59:61Z", "2016-12-31T23:58:60Z")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01-00:00:25", "1970-01-01T00:00:25[Europe/Paris]")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T00:00:25 +0100 UTC", "1970-01-01T00:00:25 CEST")],
        *[(bad, Reason.BAD_VALUE) for bad in ("19700101T00:0025", "19700132T000000", "1970.01.01D00:00:25Z[]")],
        *[(bad, Reason.BAD_VALUE) for bad in ("2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "0000-01-01")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T", "1970-01-01T24:00", "1970-01-01T00:60", "1970-01-01X00")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T00:00:60", "1970-01-01T00:00:00.", "1970-01-01T00:00:00+1")],
        *[(bad, Reason.BAD_VALUE) for bad in ("1970-01-01T00:00:00+24:00", "1970-01-01T00:00Zx")],
        *[(other, None) for other in ("197a-01-01", "", "20240501", "20240501.5", "1714521600", "1970-1-01")],
    ],
)
def test_iso_edges(text: str, expected: int | Reason | None) -> None:
    assert moment_of(text) == expected
