"""What settings and records disagree about, told to people in one line each, with what to do.

``bars``, ``quality`` and ``doctor`` print it. Trades with a word of a side that nobody knows count with side UNKNOWN,
so that buy volume lacks them; a mapped field that no record has is absent from every trade.
"""

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["told_fields", "told_sides"]

WORDS_SHOWN: Final = 8
REMEDY: Final = 'say what they mean: TAPEFLOW_SIDE_MAP={"word": "BUY"}, or TAPEFLOW_SIDE_OF=maker for a maker\'s flag'


def told_sides(unknown: Mapping[str, int]) -> str:
    """The most frequent words with their counts."""
    found = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{word!r} {count:,}" for word, count in found[:WORDS_SHOWN])
    more = f", and {len(found) - WORDS_SHOWN} more" if len(found) > WORDS_SHOWN else ""
    return f"sides that nobody knows: {shown}{more}; {REMEDY}"


def told_fields(unseen: Sequence[str]) -> str:
    """Names of the field map that no record had."""
    return f"no record has {', '.join(unseen)}, which the field map names; mend TAPEFLOW_FIELD_MAP"
