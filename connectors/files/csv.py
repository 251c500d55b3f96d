"""Reads a CSV file: finds its header and dialect, then hands its lines to the decoder.

TradeFile gives the first bytes and later the whole stream. The header is the first line that names the fields; what
stands before it is left out and said. Without a header the columns are the user's, or those of a layout that the first
row fits. A header that comes again in another order holds from there on; one that lacks a required column ends the
file with InputError, as the rows below it can't be told.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from connectors.csv.decoder import CsvDecoder
from connectors.csv.dialect import (
    Dialect,
    SampleLine,
    decimal_comma_in,
    declared_delimiter,
    delimiter_of,
    quote_of,
    sample_lines,
    split_line,
)
from connectors.files.encodings import TextStream
from connectors.files.line_batches import cut_batches, slice_batch
from connectors.files.places import FilePlace
from connectors.values.column_plan import ColumnPlan, FileOptions, is_header, plan_columns
from connectors.values.fields import Field
from connectors.values.layouts import LAYOUTS, Layout, headerless_layout, layouts_with
from schemas.columns import RawBatch, TradeRows
from schemas.errors import InputError
from schemas.rejects import Reason

__all__ = ["CsvFile", "Decoded", "plan_by_names"]

HEADER_LINES: Final = 20
"""So many lines may stand before the header."""
SAMPLE_LINES: Final = 200
_NUMBERS: Final = (Field.PRICE, Field.SIZE, Field.BID, Field.ASK)
_WORD: Final = re.compile(r"[^\W\d][\w .:/()#-]*")
_MAY_BE_HEADER: Final = (Reason.CORRUPT, Reason.BAD_VALUE, Reason.MISSING_FIELD)


class Decoded(NamedTuple):
    """A batch, its decoder, its rows with reasons and their text: what ``decoder.finish`` takes after validation."""

    raw: RawBatch
    decoder: CsvDecoder
    rows: TradeRows
    text: bytes


class CsvFile:
    """``sample``: the first bytes; ``whole``: there are no more. Raises InputError when no plan of columns fits."""

    def __init__(self, sample: bytes, whole: bool, options: FileOptions, place: FilePlace) -> None:
        self._options = options
        self._place = place
        self._skipped_lines = 0
        lines = sample_lines(sample, whole, SAMPLE_LINES)
        if not lines:
            raise InputError(
                "no line end in the first bytes" if sample.strip() else "the file is empty", where=place.name
            )
        delimiter = declared_delimiter(lines[0].text)
        start = lines.pop(0).end if delimiter else 0
        if not lines:
            raise InputError("the file is empty", where=place.name)
        self._skip_bytes, self.plan, rows, self.dialect = self._header(lines, delimiter, start)
        if self._decimal_comma(rows):
            self.dialect = self.dialect._replace(decimal_comma=True)

    def describe(self) -> str:
        """What was taken for granted, in words."""
        lines = "1 line" if self._skipped_lines == 1 else f"{self._skipped_lines} lines"
        before = f"{lines} before the header left out" if self._skipped_lines else ""
        return "; ".join(part for part in (self.plan.describe(), self.dialect.describe(), before) if part)

    def decoded(self, stream: TextStream, records_max: int) -> Iterator[Decoded]:
        """Every row behind the header, in order."""
        left = self._skip_bytes
        while left:
            left -= len(stream.read(left))
        decoder = CsvDecoder(self.plan, self.dialect)
        for batch in cut_batches(stream, self._place.base_name, self._place.name, records_max):
            raw: RawBatch = batch
            while True:
                rows, text = decoder.decode_rows(raw)
                at, following = self._next_header(raw, rows, decoder)
                if following is None:
                    yield Decoded(raw, decoder, rows, text)
                    break
                above = slice_batch(raw, 0, at + 1)
                yield Decoded(above, decoder, rows[: at + 1], text)
                decoder, raw = following, slice_batch(raw, at + 1, len(raw))
                if not len(raw):
                    break

    def _header(
        self, lines: Sequence[SampleLine], delimiter: str, start: int
    ) -> tuple[int, ColumnPlan, list[list[str]], Dialect]:
        """(bytes before the first row, plan, rows of the sample, dialect)."""
        options, place = self._options, self._place
        columns = len(options.columns)
        said = [line for line in lines if not line.uncommented] or list(lines)
        dialect = self._dialect_of(said[0].text, said[1:HEADER_LINES], delimiter, columns)
        if columns:
            first = self._cells(said[0].text, dialect)
            is_header = [cell.casefold() for cell in first] == [name.casefold() for name in options.columns]
            plan = plan_by_names(options.columns, options, place, first)
            skip = said[0].end if is_header else _start_of(said[0], lines, start)
            return skip, plan, self._rows(said[is_header:], dialect), dialect
        for at, line in enumerate(lines[:HEADER_LINES]):
            text = line.uncommented or line.text
            own = self._dialect_of(text, lines[at + 1 : at + HEADER_LINES], delimiter)
            following = self._rows(lines[at + 1 :], own)
            fitting = self._plan(_names_of(self._cells(text, own)), following)
            if fitting is not None:
                self._skipped_lines = sum(not each.uncommented for each in lines[:at])
                return line.end, fitting, following, own
        first = self._cells(said[0].text, dialect)
        layout = self._headerless(first)
        if layout is not None:
            plan = plan_columns(
                layout.columns, options, layout,
                given=place.columns, file_name=place.telling_name, where=place.name,
            )  # fmt: skip
            return _start_of(said[0], lines, start), plan, self._rows(said, dialect), dialect
        looks = headerless_layout(first)
        if looks is not None:
            raise InputError(
                "no line names the columns", where=place.name,
                mend=f"it looks like {looks.what}: say --layout {looks.name} --symbol NAME",
            )  # fmt: skip
        if not all(_is_name(cell) for cell in first if cell):
            shown = self._cells(said[0].text, dialect)[:8]
            raise InputError(
                "no line names the columns", where=place.name,
                mend=f"name the --columns in order, or a --layout; the first line is {', '.join(shown)}",
            )  # fmt: skip
        # Says what the first line lacks.
        plan = plan_by_names(_names_of(first), options, place, ())
        return said[0].end, plan, self._rows(said[1:], dialect), dialect

    def _dialect_of(self, text: str, below: Sequence[SampleLine], delimiter: str, columns: int = 0) -> Dialect:
        """How a header ``text`` and the lines below it are written, as far as they tell."""
        found = delimiter or delimiter_of(text, columns)
        return Dialect(found, quote_of([text, *(line.text for line in below)], found))

    def _plan(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> ColumnPlan | None:
        try:
            return plan_by_names(names, self._options, self._place, rows[0] if rows else ())
        except InputError:
            # A header whose only fault is that a column stands twice or the symbol is nowhere is one all the same.
            if len(names) > 1 and is_header(names, self._options.field_map.values()):
                raise
            return None

    def _headerless(self, first: Sequence[str]) -> Layout | None:
        """The layout asked for, else the one that both the first row and the file's name look like."""
        layouts = self._options.layouts
        found = headerless_layout(first, layouts or LAYOUTS)
        if layouts:
            alike = (each for each in layouts if len(each.columns) == len(first) and each.fits(each.columns, first))
            return found or next(alike, None)
        return found if found is not None and found.symbol_in(self._place.telling_name) else None

    def _rows(self, lines: Sequence[SampleLine], dialect: Dialect) -> list[list[str]]:
        return [self._cells(line.text, dialect) for line in lines[:SAMPLE_LINES]]

    def _cells(self, text: str, dialect: Dialect) -> list[str]:
        return split_line(text, dialect.delimiter, dialect.quote)

    def _decimal_comma(self, rows: Sequence[Sequence[str]]) -> bool:
        if self._options.decimal_comma is not None:
            return self._options.decimal_comma
        columns = [self.plan.columns[each] for each in _NUMBERS if each in self.plan.columns]
        return decimal_comma_in(rows, columns, self.dialect.delimiter)

    def _next_header(self, raw: RawBatch, rows: TradeRows, decoder: CsvDecoder) -> tuple[int, CsvDecoder | None]:
        """The first row that is a header of other columns, with the decoder of what follows it."""
        for index in np.flatnonzero(np.isin(rows["reason"], [int(each) for each in _MAY_BE_HEADER])).tolist():
            names = _names_of(decoder.split(raw.value(index)))
            if not is_header(names, self._options.field_map.values()) and not _are_words(
                names, len(decoder.plan.names)
            ):
                continue
            if [name.casefold() for name in names] == [name.casefold() for name in decoder.plan.names]:
                continue
            place = f"{self._place.name}, row {int(raw.offsets[index]) + 1}"
            try:
                plan = plan_by_names(names, self._options, self._place, ())
            except InputError as error:
                raise InputError(
                    f"another header, with {error.what}", where=place, mend="split the file there"
                ) from None
            return index, CsvDecoder(plan, self.dialect)
        return -1, None


def plan_by_names(names: Sequence[str], options: FileOptions, place: FilePlace, first_row: Sequence[str]) -> ColumnPlan:
    """The plan of a file with these columns: by our own names, by the layout asked for, or by one that they mark.

    Raises InputError when none fits.
    """

    def plan(layout: Layout | None) -> ColumnPlan:
        return plan_columns(names, options, layout, given=place.columns, file_name=place.telling_name, where=place.name)

    found = layouts_with(names, options.layouts or LAYOUTS)
    layout = next((each for each in found if each.fits(names, first_row)), None) or next(iter(found), None)
    if options.layouts:
        layout = layout or options.layouts[0]
        if any(first_row) and not layout.fits(names, first_row):
            raise InputError(
                f"not the layout {layout.name}: the first row is {', '.join(first_row)}"[:200], where=place.name,
                mend="leave --layout out, or name another one",
            )  # fmt: skip
        return plan(layout)
    if layout is None:
        return plan(None)
    try:
        return plan(None)
    except InputError:
        return plan(layout)


def _are_words(cells: Sequence[str], count: int) -> bool:
    """Whether a line of as many cells as the header has nothing but words in it, each once: names that nobody knows."""
    return len(cells) == count > 3 and len(set(cells)) == count and all(map(_WORD.fullmatch, cells))


def _is_name(cell: str) -> bool:
    return not cell.replace(".", "").replace("-", "").isdigit()


def _names_of(cells: Sequence[str]) -> list[str]:
    """Names of columns: those of empty ones at the end are no columns."""
    names = list(cells)
    while names and not names[-1]:
        names.pop()
    return names


def _start_of(line: SampleLine, lines: Sequence[SampleLine], start: int) -> int:
    """Where ``line`` begins in the sample."""
    at = lines.index(line)
    return lines[at - 1].end if at else start
