"""The values of every series that users' rules look at, recomputed in plain Python on ``decimal``, trade by trade.

For oracle.alerts. It shares no code with core.alerts, and is written from the words of docs/contract.md: a window is so
many slices of equal length, aligned to the epoch, that end with the slice of the newest trade of the symbol. At each
trade all slices are looked through, so it is slow, and grows no faster than the trades do.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_FLOOR, ROUND_UP, Decimal
from typing import Final, NamedTuple

__all__ = ["OracleMoment", "OracleTick", "moments_of"]

UNIT: Final = Decimal(1).scaleb(-10)
MOST: Final = Decimal(10) ** 18
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
DAY_US: Final = 1440 * MINUTE_US
BARS_US: Final = {
    "1m": MINUTE_US, "5m": 5 * MINUTE_US, "15m": 15 * MINUTE_US, "1h": 60 * MINUTE_US, "4h": 240 * MINUTE_US,
    "1D": DAY_US, "1W": 7 * DAY_US,
}  # fmt: skip
MONDAY_US: Final = 4 * DAY_US
"""The first one; weeks begin there."""


class OracleTick(NamedTuple):
    """One trade that was applied."""

    sequence: int
    event_time_us: int
    symbol: str
    price: Decimal
    size: Decimal = Decimal(1)


class OracleMoment(NamedTuple):
    """A series had a value: at which sequence, at what time, and what was the price then. since: of silence the trade
    that it is counted from."""

    sequence: int
    time_us: int
    value: Decimal
    price: Decimal
    since: OracleTick | None = None


def moments_of(
    series: str, window: str, symbol: str, ticks: Sequence[OracleTick], out_of_order_us: int
) -> Iterator[OracleMoment]:
    """In the order of the log; ``ticks``: all of the partition."""
    if series == "close":
        yield from _closes(BARS_US[window], MONDAY_US if window == "1W" else 0, symbol, ticks, out_of_order_us)
    elif series == "silence":
        yield from _silences(symbol, ticks)
    else:
        spans = _Window(window) if series != "price" else None
        for tick in ticks:
            if tick.symbol == symbol:
                value = spans.value(series, tick) if spans else tick.price
                if value is not None:
                    yield OracleMoment(tick.sequence, tick.event_time_us, value, tick.price)


class _Slice(NamedTuple):
    """What the trades of one slice come to. worth: the sum of price times size."""

    trades: int
    size: Decimal
    worth: Decimal
    low: Decimal
    high: Decimal


class _Window:
    """The slices of one symbol's window, and which the newest and the first ever are."""

    def __init__(self, window: str) -> None:
        if window == "day":
            self._count, self._length_us = 1, DAY_US
        else:
            self._count, self._length_us = (14, 28 * DAY_US) if window == "52w" else (12, BARS_US[window] // 12)
        self._slices: dict[int, _Slice] = {}
        self._newest = self._first = -1

    def value(self, series: str, tick: OracleTick) -> Decimal | None:
        """Of ``series`` at this trade, which the window has taken then."""
        at = tick.event_time_us // self._length_us
        self._first = at if self._first < 0 else self._first
        self._newest = max(self._newest, at)
        oldest = self._newest - self._count + 1
        self._slices = {each: held for each, held in self._slices.items() if each >= oldest}
        if at < oldest:
            return None
        before = list(self._slices.values())
        self._take(at, tick)
        if series == "high":
            return tick.price - max(each.high for each in before) if before else None
        if series == "low":
            return tick.price - min(each.low for each in before) if before else None
        held = list(self._slices.values())
        if series == "vwap":
            volume = sum(each.size for each in held)
            worth = sum(each.worth for each in held)
            return ((tick.price * volume - worth) / volume).quantize(UNIT, ROUND_UP) if volume else None
        if series in ("rise", "fall"):
            edge = min(each.low for each in held) if series == "rise" else max(each.high for each in held)
            return _ratio(abs(tick.price - edge) * 100, edge)
        if self._first > oldest:
            return None
        weights = {each: of.size if series == "volume" else Decimal(of.trades) for each, of in self._slices.items()}
        inside = weights.pop(self._newest)
        outside = sum(weights.values(), Decimal(0))
        return _ratio(inside * (self._count - 1), outside) if outside else None

    def _take(self, at: int, tick: OracleTick) -> None:
        held = self._slices.get(at, _Slice(0, Decimal(0), Decimal(0), tick.price, tick.price))
        self._slices[at] = _Slice(
            held.trades + 1, held.size + tick.size, held.worth + tick.price * tick.size,
            min(held.low, tick.price), max(held.high, tick.price),
        )  # fmt: skip


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return min((part / whole).quantize(UNIT, ROUND_FLOOR), MOST)


def _closes(
    length_us: int, origin_us: int, symbol: str, ticks: Sequence[OracleTick], out_of_order_us: int
) -> Iterator[OracleMoment]:
    """A bar closes when the watermark passes its end, or at the symbol's first trade behind it. A trade that comes
    when the watermark is behind its bar closes none."""
    newest_us: int | None = None
    last: OracleTick | None = None
    end_us, is_open = 0, False
    for tick in ticks:
        newest_us = tick.event_time_us if newest_us is None else max(newest_us, tick.event_time_us)
        watermark_us = newest_us - out_of_order_us
        is_behind = tick.symbol == symbol and tick.event_time_us >= end_us
        if last is not None and is_open and (watermark_us >= end_us or is_behind):
            is_open = False
            yield OracleMoment(tick.sequence, tick.event_time_us, last.price, last.price)
        if tick.symbol == symbol and (last is None or tick.event_time_us >= last.event_time_us):
            last = tick
            end_us = tick.event_time_us - (tick.event_time_us - origin_us) % length_us + length_us
            is_open = watermark_us < end_us


def _silences(symbol: str, ticks: Sequence[OracleTick]) -> Iterator[OracleMoment]:
    """Whenever the log's time enters another second, and at the symbol's own trades."""
    newest_us: int | None = None
    last: OracleTick | None = None
    latest: OracleTick | None = None
    for tick in ticks:
        second_us = tick.event_time_us // SECOND_US * SECOND_US
        if newest_us is not None and latest is not None and last is not None and second_us > newest_us:
            silent = Decimal(second_us - latest.event_time_us) / SECOND_US
            if silent > 0:
                since = latest._replace(sequence=last.sequence)
                yield OracleMoment(tick.sequence, tick.event_time_us, silent, latest.price, since)
        newest_us = tick.event_time_us if newest_us is None else max(newest_us, tick.event_time_us)
        if tick.symbol == symbol:
            last = tick
            if latest is None or tick.event_time_us >= latest.event_time_us:
                latest = tick
            yield OracleMoment(tick.sequence, tick.event_time_us, Decimal(0), latest.price, latest)
