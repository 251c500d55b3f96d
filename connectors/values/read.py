"""What a decoder knows of a venue's values, in the form that kernels take: rules as integers, and a table of sides.

Every decoder makes one Values from TradeWords and the unit of plain times, hands ``rules`` and ``sides.table`` to its
kernels, and lets it finish what they leave: signs of sizes, and the counts of unknown words and rounded numbers.
"""

from typing import Final

import numpy as np

from connectors.values.fields import AUTO, TIME_UNITS, time_unit_code
from connectors.values.rows import fold_signs
from connectors.values.times import NO_ORIGIN
from connectors.values.words import SideTable
from schemas.columns import BUY, SELL, Rows, TradeBatch, TradeRows
from schemas.trade_words import TradeWords

__all__ = ["ORIGIN_US", "PRICE_SCALE", "ROUNDING", "SIZE_SCALE", "TIME_UNIT", "Values"]

TIME_UNIT: Final = 0
ORIGIN_US: Final = 1
PRICE_SCALE: Final = 2
SIZE_SCALE: Final = 3
ROUNDING: Final = 4
OTHER_WORDS: Final = "other words"


class Values:
    """``rules`` int64[5]: TIME_UNIT (a code of fields), ORIGIN_US (see times), scales, ROUNDING.

    Times that count from an origin are seconds where the unit is ``auto``, since their size says nothing about it.
    """

    def __init__(self, words: TradeWords | None = None, time_unit: str = "auto") -> None:
        self.words = words or TradeWords()
        origin_us, unit = self.words.time_origin_us, time_unit_code(time_unit)
        if origin_us is not None and unit == AUTO:
            unit = TIME_UNITS["s"]
        self.rules: Rows = np.array(
            [
                unit,
                NO_ORIGIN if origin_us is None else origin_us,
                self.words.price_scale,
                self.words.size_scale,
                self.words.round_numbers,
            ],
            np.int64,
        )
        self.sides = SideTable(self.words.sides, self.words.side_of)

    def set_unit(self, code: int) -> None:
        """Plain times are in the unit of ``code``, as the name of their column says."""
        self.rules[TIME_UNIT] = code

    @property
    def time_unit(self) -> int:
        return int(self.rules[TIME_UNIT])

    @property
    def origin_us(self) -> int:
        return int(self.rules[ORIGIN_US])

    def fold_signs(self, rows: TradeRows) -> None:
        """Sides of ``rows`` (TRADE) from the signs of their sizes, if that is how the venue writes them."""
        if self.words.signed_size:
            plus, minus = (BUY, SELL) if self.words.side_of == "taker" else (SELL, BUY)
            fold_signs(rows, plus, minus)

    def count(self, batch: TradeBatch) -> TradeBatch:
        """``batch`` with the counts of its good trades' unknown words and rounded numbers."""
        if self.sides.has_unknown:
            numbers = batch.rows["side_word"]
            names = self.sides.unknown()
            counts = np.bincount(numbers, minlength=1)
            met = (np.flatnonzero(counts[1:]) + 1).tolist()
            batch.unknown_sides = {names.get(number, OTHER_WORDS): int(counts[number]) for number in met}
        if self.words.round_numbers:
            batch.rounded = int(np.count_nonzero(batch.rows["rounded"]))
        return batch
