"""The oracle's values of series, by hand."""

from decimal import Decimal

import pytest

from oracle.alert_series import OracleTick, moments_of


def values(
    series: str, window: str, *trades: tuple[float, str], other_s: tuple[float, ...] = ()
) -> list[tuple[int, str]]:
    """(sequence, value) of symbol A; ``other_s``: when symbol B trades, behind them all."""
    ticks = [
        OracleTick(number, int(time_s * 1_000_000), "A", Decimal(price))
        for number, (time_s, price) in enumerate(trades)
    ]
    ticks += [
        OracleTick(90 + number, int(time_s * 1_000_000), "B", Decimal(1)) for number, time_s in enumerate(other_s)
    ]
    moments = moments_of(series, window, "A", ticks, 5_000_000)
    return [(each.sequence, f"{each.value.normalize():f}") for each in moments]


@pytest.mark.parametrize(
    ("series", "found"),
    [
        ("price", [(0, "8"), (1, "9"), (2, "6"), (3, "7")]),
        ("rise", [(0, "0"), (1, "12.5"), (2, "0"), (3, "16.6666666666")]),
        ("fall", [(0, "0"), (1, "0"), (2, "33.3333333333"), (3, "22.2222222222")]),
        ("high", [(1, "1"), (2, "-3"), (3, "-2")]),
        ("low", [(1, "1"), (2, "-2"), (3, "1")]),
        ("trades", [(3, "3.6666666666")]),
        ("volume", [(3, "3.6666666666")]),
    ],
)
def test_windows_hold_what_is_no_older_than_they_are_long(series: str, found: list[tuple[int, str]]) -> None:
    assert values(series, "1m", (1, "8"), (2, "9"), (6, "6"), (58, "7")) == found


def test_what_is_older_has_no_value() -> None:
    assert values("rise", "1m", (100, "8"), (30, "9")) == [(0, "0")]
    assert values("high", "52w", (1, "8"), (14 * 28 * 86_400, "7"), (14 * 28 * 86_400 + 1, "9")) == [(2, "2")]


def test_vwap_is_of_the_day() -> None:
    assert values("vwap", "day", (1, "8"), (2, "9"), (86_400, "7"), (86_401, "6")) == [
        (0, "0"), (1, "0.5"), (2, "0"), (3, "-0.5"),
    ]  # fmt: skip
    nothing = [OracleTick(0, 0, "A", Decimal(1), Decimal(0))]
    assert list(moments_of("vwap", "day", "A", nothing, 0)) == []


def test_bars_close_by_their_own_trades_or_the_watermark() -> None:
    assert values("close", "1m", (1, "8"), (59, "9"), (60, "7")) == [(2, "9")]
    assert values("close", "1m", (1, "8"), other_s=(64.9, 65, 66)) == [(91, "8")]
    assert values("close", "1W", (1, "8"), (345_600, "7")) == [(1, "8")]


def test_silence_is_counted_by_whole_seconds_of_the_log() -> None:
    assert values("silence", "", (1.5, "8"), other_s=(1.9, 4.7, 4.8)) == [(0, "0"), (91, "2.5")]
