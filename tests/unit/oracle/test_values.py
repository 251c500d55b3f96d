"""Values as venues write them, by hand: exact numbers, moments, words of sides; and the rest is refused."""

from decimal import Decimal
from typing import Any

import pytest

from oracle.values import Refused, fits, number_of, says_nothing, side_of, text_of, time_us_of
from schemas.rejects import Reason
from schemas.trade_words import TradeWords


def reason_of(call: Any, *arguments: Any) -> Reason:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.reason


@pytest.mark.parametrize(
    ("value", "scale", "number"),
    [
        ("189.30", 0, Decimal("189.3")),
        (0.1, 0, Decimal("0.1")),
        (" +1e3 ", 0, Decimal(1000)),
        (2238200, 4, Decimal("223.82")),
        ("-0.000", 0, Decimal(0)),
        ("0e999999999", 0, Decimal(0)),
        (b"1.5", 0, Decimal("1.5")),
    ],
)
def test_numbers(value: Any, scale: int, number: Decimal) -> None:
    assert number_of(value, scale, False) == number


def test_a_number_is_refused_for_its_places_unless_they_may_be_rounded() -> None:
    assert reason_of(number_of, "0.00000000005", 0, False) is Reason.OUT_OF_RANGE
    assert number_of("0.00000000005", 0, True) == 0
    assert number_of("0.00000000015", 0, True) == Decimal("0.0000000002")
    assert number_of("1e-999999", 0, True) == 0
    assert reason_of(number_of, "1e18", 0, True) is Reason.OUT_OF_RANGE
    assert not fits(Decimal("1e999999999"))


@pytest.mark.parametrize("value", ["", "1,5", "NaN", "0x1", "1 2", "١", True, None, [], float("nan")])
def test_what_is_no_number(value: Any) -> None:
    assert reason_of(number_of, value, 0, False) is Reason.BAD_VALUE


@pytest.mark.parametrize("value", ["", " - ", "NULL", "N/A", b"nan", float("nan")])
def test_words_for_nothing(value: Any) -> None:
    assert says_nothing(value)
    assert not says_nothing("0")


@pytest.mark.parametrize(
    ("value", "unit", "origin_us", "time_us"),
    [
        (1_700_000_000, "auto", None, 1_700_000_000_000_000),
        (1_700_000_000_123, "auto", None, 1_700_000_000_123_000),
        ("1700000000123456", "auto", None, 1_700_000_000_123_456),
        (1_700_000_000_123_456_789, "auto", None, 1_700_000_000_123_456),
        ("2023-11-14T22:13:20Z", "auto", None, 1_700_000_000_000_000),
        ("20231114 221320.5", "auto", None, 1_700_000_000_500_000),
        ("2023-11-15 03:43:20+05:30", "auto", None, 1_700_000_000_000_000),
        ("2016-12-31T23:59:60Z", "auto", None, 1_483_228_800_000_000),
        (34200.25, "auto", 1_700_000_000_000_000, 1_700_034_200_250_000),
        (2**62, "s", None, 2**63 - 1),
    ],
)
def test_times(value: Any, unit: str, origin_us: int | None, time_us: int) -> None:
    assert time_us_of(value, unit, origin_us) == time_us


@pytest.mark.parametrize(
    ("value", "unit", "origin_us", "reason"),
    [
        ("2023-13-01", "auto", None, Reason.BAD_VALUE),
        ("2023-11-14T22:13:60Z", "auto", None, Reason.BAD_VALUE),
        ("2023-11-14T22:13:20+24:00", "auto", None, Reason.BAD_VALUE),
        ("2023-11-14T22:13:20[Europe/Paris]", "auto", None, Reason.BAD_VALUE),
        (34200, "auto", None, Reason.UNCLEAR_TIME),
        (12.5, "s", None, Reason.UNCLEAR_TIME),
        (-1, "s", 0, Reason.BAD_VALUE),
        ("1e30", "s", None, Reason.OUT_OF_RANGE),
    ],
)
def test_times_that_are_none(value: Any, unit: str, origin_us: int | None, reason: Reason) -> None:
    assert reason_of(time_us_of, value, unit, origin_us) is reason


def test_sides_by_their_words_the_venue_s_first() -> None:
    taker, maker = TradeWords(sides={"1": "BUY", "2": "SELL"}), TradeWords(side_of="maker")
    assert [side_of(word, taker) for word in (1, "2", "+1", "1.0", b" Sold ", "cross")] == [
        "BUY", "SELL", "BUY", "BUY", "SELL", "UNKNOWN",
    ]  # fmt: skip
    assert [side_of(word, maker) for word in (True, False, "buy", "cross")] == ["SELL", "BUY", "SELL", "UNKNOWN"]
    assert side_of(True, TradeWords()) == "UNKNOWN"
    assert reason_of(side_of, 1.5, TradeWords()) is Reason.BAD_VALUE


def test_texts() -> None:
    assert text_of(b"BTC\xff") == "BTC\udcff"
    assert text_of(7) == "7"
    assert reason_of(text_of, True) is Reason.BAD_VALUE
    assert reason_of(text_of, "é" * 32_768) is Reason.TOO_LARGE
