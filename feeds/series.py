"""Under which symbol a venue's market stands on the topics: BTC/USDT of all venues, or BTC/USDT@BITGET of one.

jobs.ingest names what it sends by it, and reads by it what the topic has and what clients watch. In a venue's own
sessions a market is BTC/USDT always.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["SHARED", "Series", "series_of"]

MARK: Final = "@"
"""It may stand in a symbol, means nothing in keys, lists and paths, and no venue has it in a name."""


@dataclass(frozen=True, slots=True)
class Series:
    """``suffix`` ends the symbols of one venue; empty where venues share them."""

    suffix: str = ""

    def symbol(self, market: str) -> str:
        return market + self.suffix

    def market(self, symbol: str) -> str | None:
        """The other way round; None for a symbol of another series."""
        return symbol.removesuffix(self.suffix) if symbol.endswith(self.suffix) else None


SHARED: Final = Series()


def series_of(kind: Literal["symbol", "venue"], exchange: str) -> Series:
    return SHARED if kind == "symbol" else Series(MARK + exchange)
