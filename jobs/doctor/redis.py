"""Whether Redis has room for what the live flow may fill it with, and who leads: the parts of ``doctor`` about both.

jobs.doctor.examination hands in what INFO says, the symbols that are there and the bounds of the settings. A limit
below the sum is a warning that names the settings, for a Redis without memory makes the live flow wait.
"""

from collections.abc import Mapping
from typing import Final

from jobs.doctor.finding import Finding
from sinks.redis.bounds import MB, RedisBounds

__all__ = ["leader_found", "redis_memory"]

SPARE: Final = 1.25
"""Room beside the data, for clients' buffers, copies while it writes a dump, and what lies in pieces."""


def redis_memory(name: str, info: Mapping[str, object], symbols: int, bounds: RedisBounds) -> Finding:
    """``name``: of the finding; ``info``: of INFO, maxmemory, total_system_memory and used_memory are read."""
    limit, machine = (int(str(info.get(name) or 0)) for name in ("maxmemory", "total_system_memory"))
    needed = bounds.expected_bytes(symbols)
    used = int(str(info.get("used_memory") or 0)) // MB
    what = f"{used:,} MB used, {needed // MB:,} MB once every bound is reached, with {symbols:,} symbols"
    room, of = (limit, "maxmemory") if limit else (machine, "the machine's memory")
    if room and needed * SPARE > room:
        wanted = int(needed * SPARE / MB) + 1
        todo = f"set maxmemory to {wanted}mb, or lower TAPEFLOW_STREAM_MB_MAX or TAPEFLOW_CANDLES_MB_MAX"
        return Finding(name, "warning", f"{what}; {of} is {room // MB:,} MB", todo)
    return Finding(name, "ok", f"{what}; {of} is {room // MB:,} MB" if room else what)


def leader_found(holder: str | None) -> Finding:
    """``holder``: of the lease of live; None: nobody has it."""
    if holder is None:
        return Finding("leader of live", "warning", "nobody leads", "start `tapeflow run live --standby`")
    return Finding("leader of live", "ok", holder)
