"""The value of each series, by hand, at its edges; the law over any trades is tests/property/test_alert_laws.py."""

import random
from decimal import Decimal

import numpy as np
import pytest

from core.alerts.series_kernel import CLOSE, LOOKS_BACK, PRICE, SERIES_CODES, SILENCE, bar_end_us, value_of
from core.alerts.spans import new_spans
from core.alerts.spans_kernel import note_trade
from core.alerts.terms import window_code
from kernels.decimal_text import from_pair, plain, to_pair, units
from schemas.columns import TRADE

SECOND_US = 1_000_000
UNITS = 10**10
NEVER_US = -(2**62)
MOST = Decimal(10) ** 18


class Tape:
    """Trades of one symbol, and the value of a series at each."""

    def __init__(self, series: str, window: str = "day", watermark_s: int | None = None) -> None:
        self.spans = new_spans(1)
        self.series, self.window = SERIES_CODES[series], window_code(series, window)
        self.watermark_us = NEVER_US if watermark_s is None else watermark_s * SECOND_US

    def trade(self, time_s: float, price: str, size: str = "1") -> Decimal | None:
        row = np.zeros(1, TRADE)
        row["event_time_us"] = int(time_s * SECOND_US)
        row["price_hi"], row["price_lo"] = to_pair(units(price))
        row["size_hi"], row["size_lo"] = to_pair(units(size))
        if not LOOKS_BACK[self.series]:
            note_trade(self.spans, 0, row[0], 0)
        found, hi, lo = value_of(self.spans, 0, self.series, self.window, row[0], self.watermark_us)
        if LOOKS_BACK[self.series]:
            note_trade(self.spans, 0, row[0], 0)
        return Decimal(from_pair(hi, lo)) / UNITS if found else None

    def values(self, *trades: tuple[float, str] | tuple[float, str, str]) -> list[str | None]:
        found = [self.trade(*each) for each in trades]
        return [None if each is None else f"{each.normalize():f}" for each in found]


def test_the_price_is_the_price_and_a_trade_ends_silence() -> None:
    assert Tape("price", "").values((1, "2.5")) == ["2.5"]
    assert Tape("silence", "").values((1, "2.5")) == ["0"]
    assert (PRICE, CLOSE, SILENCE) == (0, 1, 9)


def test_a_move_is_of_the_windows_extreme_and_rounded_down() -> None:
    rise = Tape("rise", "1m")
    assert rise.values((0, "3"), (1, "4"), (2, "2"), (3, "3"), (62, "3"), (62, "4")) == [
        "0", "33.3333333333", "0", "50", "0", "33.3333333333",
    ]  # fmt: skip
    fall = Tape("fall", "1m")
    assert fall.values((0, "3"), (1, "2"), (2, "6"), (3, "0.0000000001")) == [
        "0",
        "33.3333333333",
        "0",
        "99.9999999983",
    ]
    assert fall.values((500, "5"), (400, "4")) == ["0", None]


def test_a_move_ends_at_the_greatest_value() -> None:
    rise = Tape("rise", "1D")
    assert rise.trade(0, "0.0000000001") == 0
    assert rise.trade(1, "999999999999999999") == MOST
    assert rise.trade(1, "1000000") == Decimal(999999999999999900)


def test_an_extreme_is_that_of_before_the_trade() -> None:
    high = Tape("high")
    assert high.values((0, "5"), (1, "7"), (2, "6"), (86_400, "1"), (86_401, "1.5"), (5, "9")) == [
        None, "2", "-1", None, "0.5", None,
    ]  # fmt: skip
    low = Tape("low", "52w")
    assert low.values((0, "5"), (1, "7"), (2, "4")) == [None, "2", "-1"]
    year_s = 364 * 86_400
    assert low.values((year_s, "3"), (year_s + 28 * 86_400, "3.5")) == ["-1", "0.5"]


def test_a_spike_is_a_multiple_of_the_mean_before() -> None:
    trades = Tape("trades", "1m")
    assert trades.values((0, "1"), (5, "1"), (54, "1"), (55, "1"), (56, "1")) == [
        None, None, None, "3.6666666666", "7.3333333333",
    ]  # fmt: skip
    assert trades.values((60, "1"), (59, "1"), (20, "1"), (300, "1"), (200, "1")) == [
        "2.75", "2.2", "1.8333333333", None, None,
    ]  # fmt: skip
    volume = Tape("volume", "1m")
    assert volume.values((0, "1", "0"), (55, "1", "9"), (56, "1", "2"), (60, "1", "4"), (61, "1", "7")) == [
        None, None, None, "4", "11",
    ]  # fmt: skip


def test_a_spike_of_the_greatest_volumes_is_exact() -> None:
    volume = Tape("volume", "1m")
    most = "999999999999999999.9999999999"
    for second in (0, 0, 6):
        volume.trade(second, "1", most)
    assert volume.trade(57, "1", "0.0000000001") == 0
    assert volume.trade(57, "1", most) == Decimal(11) / 3 - Decimal(11) / 3 % Decimal("0.0000000001")
    tiny = Tape("volume", "1m")
    tiny.trade(0, "1", "0.0000000001")
    assert tiny.trade(57, "1", most) == MOST


def test_a_distance_from_vwap_is_rounded_away_from_zero() -> None:
    vwap = Tape("vwap")
    assert vwap.values((0, "1", "0"), (0, "3"), (1, "4"), (2, "4"), (3, "3"), (86_400, "9"), (5, "1")) == [
        None, "0", "0.5", "0.3333333334", "-0.5", "0", None,
    ]  # fmt: skip


def test_a_distance_from_vwap_of_great_numbers_is_exact() -> None:
    chance = random.Random(3)
    for _ in range(40):
        tape, volume, worth = Tape("vwap"), 0, 0
        for _ in range(6):
            price, size = (chance.randrange(1, 10 ** chance.randrange(1, 29)) for _ in range(2))
            found = tape.trade(1, plain(price), plain(size))
            volume, worth = volume + size, worth + price * size
            away = -(-abs(price * volume - worth) // volume)
            assert found is not None
            assert int(found * UNITS) == (away if price * volume > worth else -away)


def test_a_distance_from_vwap_of_a_great_day_is_exact() -> None:
    tape, most = Tape("vwap"), "999999999999999999.9999999999"
    for _ in range(200):
        tape.trade(1, most, most)
    assert tape.trade(2, "1", "0") == Decimal("-999999999999999998.9999999999")


def test_a_bar_has_a_close_at_the_first_trade_behind_it() -> None:
    close = Tape("close", "1m")
    assert close.values((1, "5"), (59, "6"), (58, "7"), (60, "8"), (250, "9")) == [None, None, None, "6", "8"]
    closed = Tape("close", "1m", watermark_s=60)
    assert closed.values((1, "5"), (61, "6"), (130, "7")) == [None, None, "6"]


@pytest.mark.parametrize(("interval", "end_s"), [("1m", 345_660), ("1D", 432_000), ("1W", 950_400)])
def test_bars_end_where_the_next_begins(interval: str, end_s: int) -> None:
    code = window_code("close", interval)
    assert bar_end_us(code, 345_600 * SECOND_US) == end_s * SECOND_US
    assert bar_end_us(code, end_s * SECOND_US - 1) == end_s * SECOND_US
