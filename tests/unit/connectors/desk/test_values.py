"""Values of records at their edges: the greatest amounts, halves of microseconds, times of all spellings."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from connectors.desk.values import (
    RecordRefused,
    event_time_us,
    narrow_units,
    share_units,
    side_of,
    symbol_of,
    whole_us,
    wide_units,
    word_of,
)
from schemas.rejects import Reason


def test_the_greatest_amounts() -> None:
    assert wide_units(Decimal("999999999999999999.9999999999"), "volume") == 10**28 - 1
    assert narrow_units(Decimal("-899999999.9999999999"), "spread") == 1 - 9 * 10**18
    for take, text in ((wide_units, "-1e18"), (narrow_units, "9e8"), (narrow_units, "1e-11")):
        with pytest.raises(RecordRefused) as refused:
            take(Decimal(text), "volume")
        assert refused.value.reason is Reason.OUT_OF_RANGE


def test_shares_lie_between_nothing_and_all() -> None:
    assert [share_units(Decimal(text), "uptime", 100) for text in ("0", "100")] == [0, 10**12]
    for text in ("-0.1", "100.1"):
        with pytest.raises(RecordRefused, match="out-of-range"):
            share_units(Decimal(text), "uptime", 100)


@pytest.mark.parametrize("text", ["1e61", "1e-61", "1." + "1" * 60])
def test_numbers_that_are_too_long_to_look_at(text: str) -> None:
    with pytest.raises(RecordRefused, match="too many digits"):
        wide_units(Decimal(text), "volume")


@pytest.mark.parametrize(("text", "us"), [("0", 0), ("0.0005", 0), ("0.0015", 2), ("12", 12_000), ("1.2345", 1_234)])
def test_milliseconds_become_whole_microseconds(text: str, us: int) -> None:
    assert whole_us(Decimal(text), "executionTimeMs") == us


def test_words() -> None:
    assert (symbol_of("BTC/USDT"), word_of("OANDA", "lpSelected")) == ("BTC/USDT", "OANDA")
    assert [side_of(text) for text in ("buy", "SELL", "")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "us"),
    [
        (None, 5_000),
        (msgspec.Raw(b""), 5_000),
        (msgspec.Raw(b"null"), 5_000),
        (msgspec.Raw(b"4.0009"), 4_000),
        (msgspec.Raw(b'"1970-01-01T01:00:00.004001+01:00"'), 4_001),
        (4, 4_000),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0),
    ],
)
def test_times(value: object, us: int) -> None:
    assert event_time_us(value, 5, 60_000_000) == us


@pytest.mark.parametrize(
    ("value", "stamp_ms", "reason"),
    [
        (None, -1, Reason.MISSING_FIELD),
        (datetime(1970, 1, 1), 5, Reason.BAD_VALUE),  # noqa: DTZ001 - without an offset is the point
        (datetime(2300, 1, 1, tzinfo=UTC), -1, Reason.OUT_OF_RANGE),
        (Decimal("Infinity"), 5, Reason.BAD_VALUE),
        (True, 5, Reason.BAD_VALUE),
        (1.5, 5, Reason.BAD_VALUE),
        (msgspec.Raw(b"[]"), 5, Reason.BAD_VALUE),
    ],
)
def test_times_that_are_none(value: object, stamp_ms: int, reason: Reason) -> None:
    with pytest.raises(RecordRefused) as refused:
        event_time_us(value, stamp_ms, 60_000_000)
    assert refused.value.reason is reason
