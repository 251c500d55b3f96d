"""The range of time that a request asks for, read once for bars and trades alike.

Handlers give their query and get a TimeRange in milliseconds. A bound in another unit is refused in words that name the
right value: as milliseconds it would lie decades away, and the answer would be an empty list that looks like no trades.
"""

from typing import Final, NamedTuple

from gateway.messages.values import MS_MAX
from gateway.rest.errors import bad_request
from gateway.rest.words import RangeQuery

__all__ = ["TimeRange", "check_time", "read_range"]

SECONDS: Final = range(315_532_800, 315_532_800_000)
"""From 1980 on as seconds, before 1980 as milliseconds: no venue's trades are so old."""


class TimeRange(NamedTuple):
    """Both ends are included. ``forward``: the first items from ``low_ms`` on are meant, not the newest."""

    low_ms: int
    high_ms: int
    forward: bool


def read_range(query: RangeQuery) -> TimeRange:
    """Raises ApiError BAD_REQUEST on a bound that is no time in milliseconds, and on an empty range."""
    for name, given in (("startTime", query.start_time), ("endTime", query.end_time)):
        if given is not None:
            check_time(name, given)
    low_ms = query.start_time or 0
    high_ms = MS_MAX if query.end_time is None else query.end_time
    if low_ms > high_ms:
        raise bad_request("startTime is after endTime", startTime=low_ms, endTime=high_ms)
    return TimeRange(low_ms, high_ms, query.order == "asc" and query.start_time is not None)


def check_time(name: str, given: int) -> None:
    """Raises ApiError BAD_REQUEST on what is no time in milliseconds."""
    if given in SECONDS:
        unit, meant_ms = "seconds", given * 1000
    elif given > MS_MAX:
        unit, meant_ms = ("microseconds", given // 1000) if given <= MS_MAX * 1000 else ("nanoseconds", given // 10**6)
    else:
        return
    words = f"{name} is in milliseconds since the epoch; {given} looks like {unit}"
    if meant_ms > MS_MAX:
        raise bad_request(f"{name} is in milliseconds since the epoch, up to {MS_MAX}", parameter=name, given=given)
    raise bad_request(f"{words}: {meant_ms} would be right", parameter=name, given=given, milliseconds=meant_ms)
