"""``GET /api/symbols``: every symbol that has ever traded and that the user may see.

Redis knows them (``symbol:S``); the walk over its keys is cached for 60 s and shared by all users. The list is filtered
per user after the cache, and paging counts what the user sees.
"""

from typing import Final

import msgspec

from gateway.rest.cache import Cache
from gateway.rest.endpoint import Call, Operation
from gateway.rest.reply import Reply, etag_of
from gateway.rest.words import SymbolsQuery
from gateway.stores.now import Now, SymbolInfo

__all__ = ["SymbolList", "Symbols"]

EXAMPLE: Final = [
    {"symbol": "BTC/USDT", "exchange": "BINANCE", "firstSeen": 1704067200000, "lastSeen": 1767225600123},
    {"symbol": "ETH/USDT", "exchange": "BINANCE", "firstSeen": 1704067200000, "lastSeen": 1767225600042},
]


class SymbolList(msgspec.Struct, frozen=True):
    symbols: list[SymbolInfo]


class Symbols:
    """Handler of the list of symbols."""

    def __init__(self, now: Now, cache: Cache[SymbolList]) -> None:
        self._now = now
        self._cache = cache

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/symbols",
                self.answer,
                "getSymbols",
                "symbols",
                "Symbols",
                list[SymbolInfo],
                query=SymbolsQuery,
                example=EXAMPLE,
                watched=True,
                headers=("X-Total-Count", "X-Cache", "X-Stale"),
                tagged=True,
                description="By name. The header X-Total-Count says how many there are without the limit.",
            ),
        )

    async def answer(self, call: Call) -> Reply:
        found = await self._cache.get("symbols", self._load)
        seen = [each for each in found.value.symbols if call.principal.may_see(each.symbol)]
        body = msgspec.json.encode(seen[call.query.offset : call.query.offset + call.query.limit])
        headers = [(b"x-total-count", b"%d" % len(seen)), (b"x-cache", found.how.encode())]
        if found.how == "STALE":
            headers.append((b"x-stale", b"true"))
        return Reply(body, etag=etag_of(body), headers=headers)

    async def _load(self) -> SymbolList:
        return SymbolList(await self._now.symbols())
