"""Compares stored rows with those that an oracle recomputed, field by field, wherever both are of one version.

Proofs of a desk hand in both sides as mappings. A row's version is the sequence of the last record in it. One that is
younger than the records at hand, or that may still go out, is left out and counted, never passed over in silence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

__all__ = ["ExpectedRow", "RowComparison", "RowDifference", "compare_rows"]

EXISTENCE: Final = "row"
VERSION: Final = "version"
Key = tuple[object, ...]


class ExpectedRow(NamedTuple):
    """``values``: in the order of the table's fields. ``due``: the least version that must be stored, None for none."""

    values: tuple[object, ...]
    version: int
    due: int | None


class RowDifference(NamedTuple):
    """One field of one row; ``field`` is ``row`` where one side lacks it altogether."""

    table: str
    key: str
    field: str
    expected: str
    stored: str

    def __str__(self) -> str:
        return f"{self.table} {self.key} {self.field}: {self.stored}, not {self.expected}"


@dataclass(slots=True)
class RowComparison:
    """What was compared and found. open: rows that may still change; ``differences``: all of them."""

    compared: int = 0
    open: int = 0
    differences: list[RowDifference] = field(default_factory=list)

    def add(self, other: "RowComparison") -> None:
        self.compared += other.compared
        self.open += other.open
        self.differences += other.differences

    def __str__(self) -> str:
        left_out = f" ({self.open} still open: left out)" if self.open else ""
        return f"{self.compared} rows compared, {len(self.differences)} differ{left_out}"


def compare_rows(
    table: str,
    fields: Sequence[str],
    expected: Mapping[Key, ExpectedRow],
    stored: Mapping[Key, tuple[tuple[object, ...], int]],
    last_sequence: Callable[[Key], int],
) -> RowComparison:
    """``stored``: values and version of each row; ``last_sequence``: of the last record that was read for a key."""
    found = RowComparison()

    def differs(key: Key, name: str, wanted: object, told: object) -> None:
        found.differences.append(
            RowDifference(table, " ".join(str(part) for part in key), name, str(wanted), str(told))
        )

    for key, row in expected.items():
        has = stored.get(key)
        if has is None:
            if row.due is None:
                found.open += 1
                continue
            found.compared += 1
            differs(key, EXISTENCE, "one", "none")
            continue
        values, version = has
        if version > last_sequence(key) or (version < row.version and (row.due is None or version >= row.due)):
            found.open += 1
            continue
        found.compared += 1
        if version != row.version:
            differs(key, VERSION, row.version, version)
            continue
        for name, wanted, told in zip(fields, row.values, values, strict=True):
            if wanted != told:
                differs(key, name, wanted, told)
    for key, (_, version) in stored.items():
        if key not in expected:
            if version > last_sequence(key):
                found.open += 1
                continue
            found.compared += 1
            differs(key, EXISTENCE, "none", "one")
    return found
