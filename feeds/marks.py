"""Where in a market's trades one stands: its time and its id, by which what comes before and after it is asked for.

Histories of venues begin behind a mark, and a gap is what lies between two of them. Ids of some venues follow on each
other, so there a mark says which trade comes next.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from feeds.rows import Trade

__all__ = ["Mark", "is_behind", "mark_of", "time_us_of"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class Mark(NamedTuple):
    """``trade_id``: empty for a mere moment."""

    time_us: int
    trade_id: str = ""


def time_us_of(event_time: int | str) -> int:
    """Microseconds of a trade's time; 0 where nobody can read it, as the trade itself will be refused for it."""
    if isinstance(event_time, int):
        return event_time
    try:
        found = datetime.fromisoformat(event_time)
        return (found - EPOCH) // MICROSECOND if found.tzinfo is not None else 0
    except (ValueError, OverflowError):
        return 0


def mark_of(trade: Trade) -> Mark:
    return Mark(time_us_of(trade.event_time), trade.trade_id)


def is_behind(trade: Trade, mark: Mark, *, by_id: bool) -> bool:
    """Whether the trade comes after the mark; by its time, one of the same moment may."""
    if by_id and trade.trade_id.isdecimal() and mark.trade_id.isdecimal():
        return int(trade.trade_id) > int(mark.trade_id)
    return time_us_of(trade.event_time) >= mark.time_us and trade.trade_id != mark.trade_id
