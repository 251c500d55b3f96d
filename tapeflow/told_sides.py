"""Words of sides that nobody knows, told to people in one line: which, how often, and what to do.

``bars``, ``quality`` and ``doctor`` print it. Trades with such words count with side UNKNOWN, so buy volume lacks them.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["told_sides"]

WORDS_SHOWN: Final = 8
REMEDY: Final = 'say what they mean: TAPEFLOW_SIDE_MAP={"word": "BUY"}, or TAPEFLOW_SIDE_OF=maker for a maker\'s flag'


def told_sides(unknown: Mapping[str, int]) -> str:
    """The most frequent words with their counts."""
    found = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{word!r} {count:,}" for word, count in found[:WORDS_SHOWN])
    more = f", and {len(found) - WORDS_SHOWN} more" if len(found) > WORDS_SHOWN else ""
    return f"sides that nobody knows: {shown}{more}; {REMEDY}"
