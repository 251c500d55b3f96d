"""What a desk is exposed to: the newest state of each symbol, provider and book, and exact totals over them.

core.analytics.exposure sets states as records tell them and asks for totals. A total is the sum of amounts (net) or of
their magnitudes (gross); both are kept as states change, so that a record costs the same however many states there
are. Peaks are of the gross totals since they were last taken.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.desk import SCOPES

__all__ = ["ALL", "ExposureBook", "Total"]

ALL: Final = ("total", "")
State = tuple[str, str, str]
"""Symbol, provider, book."""
Name = tuple[str, str]
"""A scope, and a name in it: none for all together."""


class Total(NamedTuple):
    """In units of 10**-10."""

    net: int = 0
    gross: int = 0
    peak: int = 0


class ExposureBook:
    def __init__(self) -> None:
        self.states: dict[State, int] = {}
        self.net: dict[Name, int] = {}
        self.gross: dict[Name, int] = {}
        self.peaks: dict[Name, int] = {}

    def set(self, state: State, amount: int) -> None:
        """The newest amount of a state; 0 ends it."""
        before = self.states.pop(state, 0)
        if amount:
            self.states[state] = amount
        for scope, name in zip(SCOPES, ("", *state), strict=True):
            if scope != "total" and not name:
                continue
            key = (scope, name)
            gross = self.gross.get(key, 0)
            self.net[key] = self.net.get(key, 0) + amount - before
            self.gross[key] = gross + abs(amount) - abs(before)
            self.peaks[key] = max(self.peaks.get(key, gross), self.gross[key])

    def total(self, key: Name = ALL) -> Total:
        gross = self.gross.get(key, 0)
        return Total(self.net.get(key, 0), gross, max(self.peaks.get(key, gross), gross))

    def totals(self, scope: str) -> dict[str, int]:
        """Net of each name of a scope that something is held of."""
        return {name: self.net[scope, name] for of, name in sorted(self.gross) if of == scope and self.gross[of, name]}

    def all_totals(self) -> Iterator[tuple[Name, Total]]:
        """Of every name that is held or was since peaks were taken, in order."""
        for key in sorted(self.gross.keys() | {ALL}):
            total = self.total(key)
            if key == ALL or total.peak:
                yield key, total

    def take_peaks(self) -> None:
        """Peaks begin anew; what is not held any more is forgotten."""
        self.peaks.clear()
        for key in [key for key, gross in self.gross.items() if not gross]:
            del self.gross[key], self.net[key]
