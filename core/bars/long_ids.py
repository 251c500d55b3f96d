"""Ids of more than 36 digits, which no column holds: they are compared by their rank among those at hand.

A shard hands in each batch before it is applied. Every long id in it, and every one that a bar in state has as its open
or close, gets a number by its rank, above all shorter ids; so the kernels compare them like any other. Ranks change
with the batch, and the bars in state with them; ids that nothing refers to any more are dropped at the same time.
A replay's bars leave the state: there ``keep`` gives ids numbers that last, and ``rank_kept`` ranks once more.
Few venues have such ids, and only their batches pay: this is plain Python.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.bars.bar_state import BarStateRows
from schemas.columns import LONG_ID, Longs, TradeRows

__all__ = ["BAR_ID_COLUMNS", "LongIds", "rank_kept"]

FIRST_RANK: Final = 2**62
"""Above every ``trade_id_upper`` of digits, which is below 10**18."""
FIRST_KEPT: Final = LONG_ID - 1
"""Kept ids count down from here, away from what decoders write."""
BAR_ID_COLUMNS: Final = ("open_id_upper", "close_id_upper")


class LongIds:
    """``digits``: the ids by rank. ``kept``: those with lasting numbers, of a shard whose bars leave it."""

    def __init__(self, digits: Sequence[bytes] = (), kept: Sequence[bytes] = ()) -> None:
        self.digits, self.kept = list(digits), list(kept)
        self._place_of = {each: place for place, each in enumerate(self.kept)}

    def rank(self, trades: TradeRows, text: bytes, *bars: BarStateRows) -> None:
        """Set ``trade_id_upper`` of the long ids in ``trades`` (TRADE), and those of ``bars`` (BAR_STATE) anew."""
        uppers = trades["trade_id_upper"].view(np.uint64)  # negative ones are the greatest
        if uppers.max(initial=0) < FIRST_RANK:
            return
        long = np.flatnonzero(uppers >= FIRST_RANK)
        fresh = [_digits(text, int(row["trade_id_at"]), int(row["trade_id_len"])) for row in trades[long]]
        columns = [rows[name] for rows in bars for name in BAR_ID_COLUMNS]
        held = {int(upper) for column in columns for upper in np.unique(column) if upper >= FIRST_RANK}
        old = {upper: self.digits[upper - FIRST_RANK] for upper in held}
        self.digits = _in_order({*fresh, *old.values()})
        rank_of = {each: FIRST_RANK + rank for rank, each in enumerate(self.digits)}
        for column in columns:
            _replace(column, {upper: rank_of[each] for upper, each in old.items()})
        trades["trade_id_upper"][long] = [rank_of[each] for each in fresh]

    def keep(self, uppers: Longs) -> None:
        """Turn ranks in a column into lasting numbers."""
        long = np.flatnonzero(uppers >= FIRST_RANK)
        for at in long:
            digits = self.digits[int(uppers[at]) - FIRST_RANK]
            place = self._place_of.setdefault(digits, len(self.kept))
            if place == len(self.kept):
                self.kept.append(digits)
            uppers[at] = FIRST_KEPT - place


def rank_kept(kept: Sequence[bytes], *columns: Longs) -> None:
    """Turn lasting numbers in ``columns`` into ranks among themselves."""
    found = {int(upper) for column in columns for upper in np.unique(column) if upper <= FIRST_KEPT}
    digits = {upper: kept[FIRST_KEPT - upper] for upper in found}
    rank_of = {each: FIRST_RANK + rank for rank, each in enumerate(_in_order(set(digits.values())))}
    for column in columns:
        long = np.flatnonzero(column <= FIRST_KEPT)
        column[long] = [rank_of[digits[int(upper)]] for upper in column[long]]


def _replace(column: Longs, by: dict[int, int]) -> None:
    for at in np.flatnonzero(column >= FIRST_RANK):
        # A free row may hold what nothing refers to.
        column[at] = by.get(int(column[at]), 0)


def _digits(text: bytes, at: int, length: int) -> bytes:
    return text[at : at + length].strip(b" \t").partition(b".")[0].lstrip(b"0")


def _in_order(digits: set[bytes]) -> list[bytes]:
    return sorted(digits, key=lambda each: (len(each), each))
