"""What a decoder knows of a venue's values, in the form that kernels take.

Every decoder makes one Values from TradeWords and the unit of plain times, hands ``rules`` to its kernels, and lets it
finish what they leave: signs of sizes, and the counts of unknown words and rounded numbers.
"""

from typing import Final, NamedTuple

import numpy as np

from connectors.values.fields import AUTO, TIME_UNITS, Field, time_unit_code
from connectors.values.rows import fold_signs
from connectors.values.times import NO_ORIGIN
from connectors.values.words import SideTable
from schemas.columns import BUY, SELL, TradeBatch, TradeRows, Words
from schemas.trade_words import TradeWords

__all__ = ["ReadRules", "Values"]

OTHER_WORDS: Final = "other words"


class ReadRules(NamedTuple):
    """How kernels read values. time_unit: of plain times, a code of connectors.values.fields; origin_us: what they
    count from (connectors.values.times). A price or size is divided by 10**scale. rounding: numbers of more than ten
    decimal places are rounded, not refused. sides: the table of connectors.values.words."""

    time_unit: int
    origin_us: int
    price_scale: int
    size_scale: int
    rounding: bool
    sides: Words


class Values:
    """Times that count from an origin are seconds where the unit is ``auto``: their size says nothing about it."""

    def __init__(self, words: TradeWords | None = None, time_unit: str = "auto") -> None:
        self.words = words or TradeWords()
        origin_us, unit = self.words.time_origin_us, time_unit_code(time_unit)
        if origin_us is not None and unit == AUTO:
            unit = TIME_UNITS["s"]
        self.sides = SideTable(self.words.sides, self.words.side_of)
        self.rules = ReadRules(
            unit,
            NO_ORIGIN if origin_us is None else origin_us,
            self.words.price_scale,
            self.words.size_scale,
            self.words.round_numbers,
            self.sides.table,
        )

    def set_unit(self, code: int) -> None:
        """Plain times are in the unit of ``code``, as the name of their column says."""
        self.rules = self.rules._replace(time_unit=code)

    @property
    def time_unit(self) -> int:
        return self.rules.time_unit

    @property
    def origin_us(self) -> int:
        return self.rules.origin_us

    def scale_of(self, field: Field) -> int:
        """Of a price, size, bid or ask."""
        return self.rules.size_scale if field is Field.SIZE else self.rules.price_scale

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
