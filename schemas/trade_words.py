"""How a venue writes its trades: words of sides, signs, decimal places, rounding, and what its times count from.

Settings and layouts of files make one TradeWords; every decoder takes it, and the oracle is told the same.
It says nothing about names of fields, which the field map does, nor about the unit of plain times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["TradeWords"]


@dataclass(frozen=True, slots=True)
class TradeWords:
    """The default reads what tapeflow itself writes.

    sides: their word -> BUY, SELL or UNKNOWN; goes before the words that are known without it.
    side_of: whose side the words (and signs) name; of a ``maker`` they are turned round, and true and false are known
    then as "the buyer is the maker".
    signed_size: a size below zero is a sell of that size, one above zero a buy.
    price_scale, size_scale: decimal places of the numbers as sent, which are divided by 10**scale, exactly;
    price_scale goes for bid and ask too.
    round_numbers: more than ten decimal places are rounded half-even to ten instead of refused, and counted.
    time_origin_us: microseconds since 1970 of the moment that plain times count from (a midnight), None for 1970.
    """

    sides: Mapping[str, str] = field(default_factory=dict)
    side_of: Literal["taker", "maker"] = "taker"
    signed_size: bool = False
    price_scale: int = 0
    size_scale: int = 0
    round_numbers: bool = False
    time_origin_us: int | None = None
