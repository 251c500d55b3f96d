"""Which trades of a venue were told before: some venues repeat their last ones at each subscription.

The intake asks before it sends. Ids decide where the venue gives them, and the last ids of each symbol are kept.
Without ids a trade that is told as past is known unless it is newer than all that were told. Trades are never compared
by their price and size: two real ones may be alike.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from feeds.marks import time_us_of
from feeds.rows import Trade

__all__ = ["KnownTrades"]

IDS_MIN: Final = 1_000
"""Of a market, however old: what venues tell again at a subscription, and a page of their history."""
IDS_MAX: Final = 10_000
"""Those of the last KEPT_US, so that a thousand markets fit into memory."""
KEPT_US: Final = 600_000_000


class KnownTrades:
    """Of one venue; ``repeated`` counts what was left out."""

    def __init__(self) -> None:
        self._ids: dict[str, OrderedDict[str, int | str]] = {}
        self._forgetful: set[str] = set()
        self._kept_from: dict[str, int] = {}
        self._newest: dict[str, int | str] = {}
        self.repeated = 0

    def fresh(self, trades: Iterable[Trade]) -> list[Trade]:
        """Those that weren't told before, in their order; from now on they are known."""
        told = [trade for trade in trades if self.is_fresh(trade)]
        self.end(told)
        return told

    def is_fresh(self, trade: Trade) -> bool:
        """Whether it wasn't told before; from now on its id is known."""
        known = self._is_old_id(trade) if trade.trade_id else self._is_old_time(trade)
        self.repeated += known
        return not known

    def end(self, told: Iterable[Trade]) -> None:
        """A frame ends: of those in it that have no id, past ones must be newer to be fresh from now on."""
        for trade in told:
            if not trade.trade_id:
                self._newest[trade.symbol] = trade.event_time

    def has(self, trade: Trade) -> bool:
        """Whether a trade of its id was told."""
        return trade.trade_id in self._ids.get(trade.symbol, ())

    def since(self, symbol: str) -> int | str:
        """The event time of the oldest trade that is remembered, where others are forgotten already; else 0."""
        ids = self._ids.get(symbol)
        return next(iter(ids.values())) if ids is not None and symbol in self._forgetful else 0

    def keep_from(self, symbol: str, time_us: int | None) -> None:
        """Forget no id of a trade of that time or later, however many come; None: that is over."""
        if time_us is None:
            self._kept_from.pop(symbol, None)
        else:
            self._kept_from.setdefault(symbol, time_us)

    def _is_old_id(self, trade: Trade) -> bool:
        ids = self._ids.get(trade.symbol)
        if ids is None:
            ids = self._ids[trade.symbol] = OrderedDict()
        if trade.trade_id in ids:
            return True
        ids[trade.trade_id] = trade.event_time
        if len(ids) > IDS_MIN:
            self._forget(trade, ids)
        return False

    def _forget(self, newest: Trade, ids: OrderedDict[str, int | str]) -> None:
        old_us, kept_from = time_us_of(newest.event_time) - KEPT_US, self._kept_from.get(newest.symbol)
        while len(ids) > IDS_MIN:
            first_us = time_us_of(next(iter(ids.values())))
            if (len(ids) <= IDS_MAX and first_us >= old_us) or (kept_from is not None and first_us >= kept_from):
                return
            ids.popitem(last=False)
            self._forgetful.add(newest.symbol)

    def _is_old_time(self, trade: Trade) -> bool:
        newest = self._newest.get(trade.symbol)
        return trade.is_past and newest is not None and str(trade.event_time) <= str(newest)
