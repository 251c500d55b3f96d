"""The order of a partition's messages, as text that can be compared: made of the log, never of a clock.

What a record brings about stands behind it, in a fixed order: itself, then what ended by it, then, where the clock
speaks, what it announces. So the text alone tells whether a message went out before, whatever crashed in between.
"""

from typing import Final

from schemas.desk import DeskEntry

__all__ = ["announced_order", "by_order", "ended_order", "passed_order"]

PASSED: Final = 0
ENDED: Final = 1
ANNOUNCED: Final = 2


def passed_order(sequence: int) -> str:
    """Of the record itself."""
    return _order(sequence, PASSED, 0, 0, 0)


def ended_order(sequence: int, end_us: int, interval: int, number: int) -> str:
    """Of message ``number`` of a window that went out behind the record."""
    return _order(sequence, ENDED, end_us, interval, number)


def announced_order(sequence: int, end_us: int, interval: int, number: int) -> str:
    """Of message ``number`` of a window that the clock announced when the record was the last."""
    return _order(sequence, ANNOUNCED, end_us, interval, number)


def by_order(entry: DeskEntry) -> str:
    """To sort messages by."""
    return entry.order


def _order(sequence: int, phase: int, end_us: int, interval: int, number: int) -> str:
    return f"{sequence + 1:016d}.{phase}.{end_us:017d}.{interval}.{number:06d}"
