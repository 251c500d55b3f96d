"""The bar intervals: their names, lengths and alignment.

Words of the contract, used by every layer; nothing here reads a clock. Everything that counts intervals, or stores
something for each, takes their number from INTERVALS, so another interval is one more line here and nothing else.
A bar covers ``[start, start + length)``, aligned to UTC; a week starts on Monday 00:00 UTC. The epoch was a Thursday,
so the week alone needs an origin (1970-01-05, the first Monday).
"""

from typing import Final, NamedTuple

__all__ = [
    "DAY",
    "INTERVALS",
    "INTERVAL_INDEX",
    "WEEK",
    "Interval",
    "parse_interval",
    "parse_intervals",
]

MINUTE_US: Final = 60_000_000
FIRST_MONDAY_US: Final = 4 * 24 * 60 * MINUTE_US


class Interval(NamedTuple):
    """One bar length. ``origin_us`` is the start of some bar; starts are origin + k * length."""

    name: str
    length_us: int
    origin_us: int = 0

    def start_us(self, event_time_us: int) -> int:
        """Start of the bar that holds ``event_time_us`` (both in microseconds since the epoch)."""
        return event_time_us - (event_time_us - self.origin_us) % self.length_us


INTERVALS: Final = (
    Interval("1m", MINUTE_US),
    Interval("5m", 5 * MINUTE_US),
    Interval("15m", 15 * MINUTE_US),
    Interval("1h", 60 * MINUTE_US),
    Interval("4h", 240 * MINUTE_US),
    Interval("1D", 1440 * MINUTE_US),
    Interval("1W", 7 * 1440 * MINUTE_US, FIRST_MONDAY_US),
)
INTERVAL_INDEX: Final = {interval.name: index for index, interval in enumerate(INTERVALS)}
DAY: Final = INTERVAL_INDEX["1D"]
"""The interval that a ticker's open, high, low and volume are of."""
WEEK: Final = INTERVAL_INDEX["1W"]
_SPELLINGS: Final = {**INTERVAL_INDEX, "1d": DAY, "1w": WEEK}

assert len(INTERVAL_INDEX) == len(INTERVALS) < 256, "names are unique, and a row keeps an interval's index in a byte"
assert list(INTERVALS) == sorted(INTERVALS, key=lambda interval: interval.length_us), "the shortest interval first"
assert all(interval.name.isascii() for interval in INTERVALS), "names are written to JSON as they are"


def parse_interval(text: str) -> int:
    """Index into INTERVALS of a name as users write it; raises ValueError with the contract's wording."""
    try:
        return _SPELLINGS[text]
    except KeyError:
        valid = ", ".join(interval.name for interval in INTERVALS)
        raise ValueError(f"Invalid interval: {text}. Valid: {valid}") from None


def parse_intervals(text: str) -> tuple[int, ...]:
    """Indices, ascending and unique, of a comma-separated list such as ``1m,5m``."""
    return tuple(sorted({parse_interval(part.strip()) for part in text.split(",") if part.strip()}))
