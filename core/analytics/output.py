"""What a batch of a desk's records, or the clock, brought about: what flows give on to sinks.

core.analytics fills it, one list for each way out. All of it is made of the log, so a crash or a replay gives it again,
equal; sinks know by order and version what they have.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.desk import DeskAlert, DeskEntry

__all__ = ["DeskOutput"]

R = TypeVar("R")


@dataclass(slots=True)
class DeskOutput(Generic[R]):
    """entries: messages of channels, in order. rows: figures for ClickHouse. late: records that no window took."""

    entries: list[DeskEntry] = field(default_factory=list)
    rows: list[R] = field(default_factory=list)
    late: int = 0
    alerts: list[DeskAlert] = field(default_factory=list)
