"""The options of every verb that reads trade files: what they are called, and what they become.

``bars``, ``produce`` and ``demo`` take them from the command line and give FileOptions to the readers, with the
settings of how trades are written. A wrong one raises SettingError, which names the option.
"""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from connectors.values.layouts import LAYOUTS, layouts_called
from schemas.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from connectors.files.reader import TradeFile
    from connectors.values.column_plan import FileOptions
    from runtime.settings.whole import Settings

__all__ = [
    "ColumnsOption",
    "DecimalCommaOption",
    "EncodingOption",
    "FieldMapOption",
    "LayoutOption",
    "SymbolOption",
    "WrittenAs",
    "file_options",
    "tell_reading",
]

PANEL = "How the files are written"
LayoutOption = Annotated[
    str | None,
    typer.Option(help=f"Whose files they are: {', '.join(each.name for each in LAYOUTS)}.", rich_help_panel=PANEL),
]
SymbolOption = Annotated[
    str | None,
    typer.Option(help="Symbol of every row of files without such a column; {name}: the file's.", rich_help_panel=PANEL),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(help="Columns of files without a header, such as event_time,price,size,_.", rich_help_panel=PANEL),
]
EncodingOption = Annotated[
    str | None, typer.Option(help="Encoding of text that isn't UTF-8, such as gbk or latin-1.", rich_help_panel=PANEL)
]
DecimalCommaOption = Annotated[
    bool | None,
    typer.Option(
        "--decimal-comma/--decimal-point",
        help="In numbers; not given: as it looks.",
        rich_help_panel=PANEL,
    ),
]
FieldMapOption = Annotated[
    str | None,
    typer.Option(help="Names of your columns, such as price=p,size=qty,event_time=ts.", rich_help_panel=PANEL),
]


class WrittenAs(NamedTuple):
    """The values of the options above, but that of --field-map."""

    layout: str | None
    symbol: str | None
    columns: str | None
    encoding: str | None
    decimal_comma: bool | None

    def options(self) -> dict[str, object]:
        """Each by its name on the command line."""
        return {f"--{name.replace('_', '-')}": value for name, value in self._asdict().items()}


def file_options(
    settings: "Settings", written: WrittenAs, field_map: "Mapping[str, str] | None" = None
) -> "FileOptions":
    """What the command line and the settings say of files. ``field_map``: instead of the setting, which may speak of
    records in Kafka."""
    from connectors.files.encodings import check_encoding
    from connectors.values.column_plan import FileOptions
    from flows.reading import words_of

    names = tuple(name.strip() for name in written.columns.split(",")) if written.columns else ()
    if written.columns is not None and sum(name not in ("_", "") for name in names) < 3:
        raise SettingError(
            f"too few columns in {written.columns!r}", where="--columns", mend="say event_time,price,size,_"
        )
    return FileOptions(
        layouts=layouts_called(written.layout) if written.layout else (),
        symbol=written.symbol or "",
        columns=names,
        encoding=check_encoding(written.encoding) if written.encoding else "",
        decimal_comma=written.decimal_comma,
        field_map=settings.field_map if field_map is None else field_map,
        time_unit=settings.time_unit,
        words=words_of(settings),
    )


def tell_reading(console: "Console", files: "Sequence[TradeFile]") -> None:
    """What was taken for granted about files that were read, alike ones in one line, and which of them held no row."""
    alike: dict[str, list[str]] = {}
    for file in files:
        alike.setdefault(file.describe(), []).append(file.name)
        if file.rows_read == 0:
            console.print(f"{file.name}: no row", soft_wrap=True, markup=False)
    for description, names in alike.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        console.print(f"{names[0]}{more}: {description}", soft_wrap=True, markup=False)
