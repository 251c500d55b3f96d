"""``GET /api/historical/{symbol}``: bars or trades of a range under one address.

A second name for ``/api/ohlc`` (kind ohlc, the default) and ``/api/trades`` (kind trades): the same handlers answer, so
bodies, headers and limits are theirs. What only one kind knows is refused for the other.
"""

from dataclasses import replace
from typing import Any, Final

from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request
from gateway.rest.ohlc import EXAMPLE, Ohlc
from gateway.rest.reply import Reply
from gateway.rest.trades import Trades
from gateway.rest.words import BarAnswer, HistoricalQuery, OhlcQuery, RangeQuery, TradeAnswer, TradesQuery

__all__ = ["Historical"]

TRADES_ONLY: Final = ("offset", "cursor")
USUAL: Final = OhlcQuery().timeframe


class Historical:
    """Handler of the range."""

    def __init__(self, ohlc: Ohlc, trades: Trades) -> None:
        self._ohlc = ohlc
        self._trades = trades

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/historical/{symbol:path}",
                self.answer,
                "getHistorical",
                "history",
                "Bars or trades of a range",
                (list[BarAnswer], list[TradeAnswer]),
                query=HistoricalQuery,
                example=EXAMPLE,
                watched=True,
                headers=("X-Sequence", "X-Next-Cursor", "Link", "X-Cache", "X-Stale"),
                tagged=True,
                description="Another name for /api/ohlc (kind=ohlc, with timeframe) and /api/trades (kind=trades, with "
                "offset and cursor): the same answers, headers and limits.",
            ),
        )

    async def answer(self, call: Call) -> Reply:
        query = call.query
        if query.kind == "trades":
            if query.timeframe is not None:
                raise bad_request("timeframe is for kind=ohlc", parameter="timeframe")
            asked = {**_range(query), "offset": query.offset, "cursor": query.cursor}
            return await self._trades.trades(replace(call, query=TradesQuery(**asked)))
        for name in TRADES_ONLY:
            if getattr(query, name):
                raise bad_request(f"{name} is for kind=trades", parameter=name)
        asked = {**_range(query), "timeframe": query.timeframe or USUAL}
        return await self._ohlc.answer(replace(call, query=OhlcQuery(**asked)))


def _range(query: HistoricalQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in RangeQuery.__struct_fields__}
