"""Reads a file of JSON objects, one a line.

TradeFile gives the first bytes and later the whole stream. The columns are the keys of the first objects, dotted where
an object lies inside another, so that layouts and our own names are found as in a CSV. A line that isn't one object
is refused by itself; a file that begins with an array or with an object over several lines is said to be so at once.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from connectors.csv.dialect import sample_lines
from connectors.files.csv import plan_by_names
from connectors.files.encodings import TextStream
from connectors.files.line_batches import cut_batches
from connectors.files.places import FilePlace
from connectors.json.decoder import JsonDecoder
from connectors.values.column_plan import ColumnPlan, FileOptions, refuse_options
from connectors.values.rejecting import Decoder
from schemas.columns import RawBatch, TradeRows
from schemas.errors import InputError

__all__ = ["JsonFile", "looks_like_json"]

SAMPLE_LINES: Final = 100


def looks_like_json(sample: bytes) -> bool:
    return sample.lstrip()[:1] in (b"{", b"[")


class JsonFile:
    """``sample``: the first bytes; ``whole``: there are no more. Raises InputError when they hold no object."""

    def __init__(self, sample: bytes, whole: bool, options: FileOptions, place: FilePlace) -> None:
        refuse_options(options, ("--columns", "--decimal-comma"), "JSON", place.name)
        self._place = place
        names: dict[str, None] = dict.fromkeys(options.field_map.values())
        objects, first = 0, dict[str, str]()
        for line in sample_lines(sample, whole, SAMPLE_LINES):
            found = _object_of(line.text)
            if found is not None:
                objects += 1
                cells = dict(_cells_of(found))
                names |= dict.fromkeys(cells)
                first = first or cells
        if not objects:
            is_array = sample.lstrip().startswith(b"[")
            what = "a JSON array" if is_array else "JSON objects over several lines" if whole else "no JSON object"
            raise InputError(
                f"{what}, not one object a line", where=place.name,
                mend=f"turn it into lines with jq -c {'.[]' if is_array else '.'}",
            )  # fmt: skip
        self.plan: ColumnPlan = plan_by_names(tuple(names), options, place, [first.get(name, "") for name in names])
        if self.plan.kept is not None:
            raise InputError("a layout with rows that aren't trades can't be read from JSON", where=place.name)
        self._decoder: Decoder = JsonDecoder(
            {each.name.lower(): self.plan.names[column] for each, column in self.plan.columns.items()},
            self.plan.time_unit,
            constants=self.plan.constants,
            words=self.plan.words,
        )

    def describe(self) -> str:
        """What was taken for granted, in words."""
        return f"JSON lines; {self.plan.describe()}"

    def decoded(self, stream: TextStream, records_max: int) -> Iterator[tuple[RawBatch, Decoder, TradeRows, bytes]]:
        """Every row, in order."""
        for raw in cut_batches(stream, self._place.base_name, self._place.name, records_max):
            rows, text = self._decoder.decode_rows(raw)
            yield raw, self._decoder, rows, text


def _object_of(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _cells_of(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of all that isn't an object."""
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _cells_of(below, f"{above}{key}.")
        else:
            yield above + key, str(below)
