"""The Lua scripts of the flows: two apply what is newest, guarded by versions, one adds to streams, one holds a lease.

The first is called by sinks.redis.sink with what sinks.redis.encode packed, the others by sinks.redis.quotes, channels
and lease. In the first two a key never goes back to a lower sequence, and the shard's stream gets what was accepted, so
a retry or a second writer adds nothing. A delta goes out only when the stored sequence is the one it applies to, which
heals the stream too. Of two shards' values of one symbol the greater sequence wins, then the lower
shard: see docs/adr/0022-symbol-in-two-partitions.md. Both tell simple consumers of a ticker by one function.

An entry holds tickers and bars that ended; ``moved`` names open bars whose key has a newer state. ``sum`` counts bytes
ever added, so the oldest and the newest entry tell what is held: see docs/adr/0023-bounds-of-redis.md.
"""

from importlib.resources import files
from typing import Final

__all__ = ["ADD_ENTRIES", "APPLY_QUOTES", "APPLY_UPDATE", "HOLD_LEASE", "Call"]

Call = tuple[bytes, bytes, bytes]
"""Packed final bars, live bars, tickers of one call of APPLY_UPDATE."""

_FOLDER: Final = files(__package__)
_PRICE_UPDATE: Final = _FOLDER.joinpath("price_update.lua").read_text("utf-8")
APPLY_UPDATE: Final = _PRICE_UPDATE + _FOLDER.joinpath("apply_update.lua").read_text("utf-8")
APPLY_QUOTES: Final = _PRICE_UPDATE + _FOLDER.joinpath("apply_quotes.lua").read_text("utf-8")
ADD_ENTRIES: Final = _FOLDER.joinpath("add_entries.lua").read_text("utf-8")
HOLD_LEASE: Final = _FOLDER.joinpath("hold_lease.lua").read_text("utf-8")
