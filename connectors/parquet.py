"""Reads a Parquet file as lines of CSV text, some row groups' worth at a time.

TradeFile feeds the lines to the CSV decoder. Law: values keep every digit: decimals and integers by their text, doubles
by their shortest text, times as ISO 8601; a null is an empty cell. Columns that no field reads are empty and never
read, so that nothing in them can stop a file. The surprise: line ends inside strings become spaces, since a line is a
row.
"""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import polars as pl

from schemas.errors import InputError

__all__ = ["parquet_columns", "parquet_lines"]

_SLICE_ROWS: Final = 200_000
_YEAR_1_S: Final = -62_135_596_800
_YEAR_10000_S: Final = 253_402_300_800
_DAY_MS: Final = 86_400_000


def parquet_columns(path: Path) -> list[str]:
    """Names of the columns. Raises InputError when it isn't Parquet."""
    return _opened(path)[1].names()


def parquet_lines(path: Path, wanted: Container[str]) -> Iterator[tuple[bytes, bool]]:
    """Chunks of lines with whether each is the last; every column has its place, those not ``wanted`` are empty."""
    frame, schema, rows = _opened(path)
    # with_columns and not select, which makes one row of nothing but literals.
    columns = frame.with_columns(
        [_as_text(name, kind) if name in wanted else pl.lit("").alias(name) for name, kind in schema.items()]
    )
    # A blank line would be no row at all: a table of one column with a null in it keeps its quotes.
    style: Literal["always", "necessary"] = "always" if len(schema) == 1 else "necessary"
    for start in range(0, rows, _SLICE_ROWS):
        with _reading(path, "the Parquet file is damaged"):
            part = columns.slice(start, _SLICE_ROWS).collect()
            lines = part.write_csv(include_header=False, quote_style=style).encode()
        yield lines, start + _SLICE_ROWS >= rows


def _opened(path: Path) -> tuple[pl.LazyFrame, pl.Schema, int]:
    with _reading(path, "not a Parquet file, or damaged"):
        # Absolute, as polars takes a ~ at the beginning for the home folder.
        frame = pl.scan_parquet(path.absolute(), glob=False)
        return frame, frame.collect_schema(), int(frame.select(pl.len()).collect().item())


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Turns what polars raises into an InputError: some damage makes it panic, which is no Exception even."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(what, where=str(path)) from error


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    """The column as text that the CSV decoder reads to the same value; times as ISO 8601, which needs no unit."""
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return _time_as_text(column.to_physical(), kind.time_unit, "%Y-%m-%dT%H:%M:%S%.f")
    if isinstance(kind, pl.Date):
        return _time_as_text(column.to_physical().cast(pl.Int64) * _DAY_MS, "ms", "%Y-%m-%d")
    if isinstance(kind, pl.Duration):
        return column.dt.to_string("iso")
    if kind.is_nested():
        return pl.lit("").alias(name)
    if kind == pl.Binary:
        # Elementwise, or each slice would read the file from its beginning.
        column = column.map_batches(_decoded, pl.String, is_elementwise=True)
    return column.cast(pl.String).str.replace_all("[\r\n]", " ")


def _decoded(cells: pl.Series) -> pl.Series:
    r"""Bytes as text, which not every writer marks as such; what isn't UTF-8 is shown as ``\xff``."""
    try:
        return cells.cast(pl.String)
    except pl.exceptions.PolarsError:
        # A cast that isn't strict raises as well.
        texts = [None if cell is None else cell.decode(errors="backslashreplace") for cell in cells]
        return pl.Series(cells.name, texts, pl.String)


def _time_as_text(number: pl.Expr, unit: Literal["ms", "us", "ns"], form: str) -> pl.Expr:
    """ISO 8601 of ``number`` since 1970; as nanoseconds where its year isn't 1 to 9999.

    Those have no such text, and strftime panics far outside. 20 digits and more are out of range in every unit, so
    that such a row is refused for its time.
    """
    per_second, zeros = {"ms": (10**3, "000000"), "us": (10**6, "000"), "ns": (10**9, "")}[unit]
    inside = number.clip(max(_YEAR_1_S * per_second, -(2**63)), min(_YEAR_10000_S * per_second, 2**63) - 1)
    text = inside.cast(pl.Datetime(unit)).dt.strftime(form)
    return pl.when(number == inside).then(text).otherwise(number.cast(pl.String) + pl.lit(zeros))
