"""What a kind of report is: the shape of its rows, and how they are read, part by part.

Each kind stands in a file of its own under kinds/ and is one value of ``Kind``. The runner asks it for parts, writes
each down as it comes and goes on, so a report is never whole in memory. A row is a struct: from its fields follow JSON,
the columns of the other formats, and the document.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from gateway.reports.source import Source
from gateway.reports.words import Ask

__all__ = ["Kind", "Part"]


class Part(NamedTuple):
    """Rows that come next, and how much of the report is done with them, 0 to 1."""

    rows: Sequence[msgspec.Struct]
    done: float


@dataclass(frozen=True, slots=True)
class Kind:
    """``counted``: what it reads as rows of its own, which are bounded in number beforehand. ``wide``: fields with 20
    decimals, where others have 10. ``symbols_min``, ``symbols_max``: how many it takes, where that isn't any number.
    ``channels``: those whose past it tells, so that only who may join them may ask for it."""

    name: str
    row: type[msgspec.Struct]
    read: Callable[[Source, Ask], AsyncIterator[Part]]
    summary: str
    example: dict[str, Any]
    counted: Literal["bars", "trades"] | None = None
    wide: frozenset[str] = frozenset()
    symbols_min: int = 0
    symbols_max: int | None = None
    channels: tuple[str, ...] = ()
