"""Reads a Parquet file as lines of CSV text, some row groups' worth at a time.

TradeFile feeds the lines to the CSV decoder. Law: values keep every digit: decimals and integers by their text, doubles
by their shortest text, times as ISO 8601; a null is an empty cell. The surprise: line ends inside strings become
spaces, since a line is a row.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import polars as pl

from schemas.errors import InputError

__all__ = ["parquet_lines"]

_SLICE_ROWS: Final = 200_000


def parquet_lines(path: Path) -> tuple[list[str], Iterator[tuple[bytes, bool]]]:
    """(column names, chunks of lines with whether each is the last). Raises InputError when it isn't Parquet."""
    try:
        # Absolute, as polars takes a ~ at the beginning for the home folder.
        frame = pl.scan_parquet(path.absolute(), glob=False)
        schema = frame.collect_schema()
        rows = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError("not a Parquet file, or damaged", where=str(path)) from error
    columns = frame.select([_as_text(name, kind) for name, kind in schema.items()])
    return schema.names(), _slices(path, columns, rows)


def _slices(path: Path, columns: pl.LazyFrame, rows: int) -> Iterator[tuple[bytes, bool]]:
    for start in range(0, rows, _SLICE_ROWS):
        try:
            part = columns.slice(start, _SLICE_ROWS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError("the Parquet file is damaged", where=str(path)) from error
        # A blank line would be no row at all: a table of one column with a null in it keeps its quotes.
        style: Literal["always", "necessary"] = "always" if len(part.columns) == 1 else "necessary"
        yield part.write_csv(include_header=False, quote_style=style).encode(), start + _SLICE_ROWS >= rows


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    """The column as text that the CSV decoder reads to the same value; times as ISO 8601, which needs no unit."""
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return (
            column.dt.replace_time_zone(None).dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
            if kind.time_zone is None
            else (column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).dt.strftime("%Y-%m-%dT%H:%M:%S%.f"))
        )
    if isinstance(kind, pl.Date):
        return column.dt.strftime("%Y-%m-%d")
    if kind.is_nested() or kind == pl.Binary:
        return pl.lit("").alias(name)
    return column.cast(pl.String).str.replace_all("[\r\n]", " ")
