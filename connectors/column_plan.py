"""Which column of a file each field of a trade is read from, and what every row of the file has in common.

TradeFile makes one from the names of columns; the CSV, JSON and Arrow decoders read by it. The user's field map comes
first, then the layout's, then our own names. Names are compared exactly, and where that finds nothing without regard
to case. A symbol or an exchange may also be one text for all rows: given, from a folder's or file's name, or the
layout's. A field that is asked for and isn't there, or stands twice, raises InputError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.fields import OPTIONAL_MARK, REQUIRED, TIME_UNITS, Field
from connectors.layouts import Layout
from schemas.errors import InputError, SettingError
from schemas.trade_words import TradeWords

__all__ = ["EVENT_TIME_NAMES", "ColumnPlan", "FileOptions", "plan_columns"]

EVENT_TIME_NAMES: Final = ("event_time_us", "event_time", "event_time_ms", "event_time_ns", "event_time_s")
UNUSED: Final = ("_", "")
"""Names of columns that --columns leaves out."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the user says of a file. ``columns``: names of a file without a header. ``decimal_comma`` None: as it looks.

    words: how values are written. symbol: of all rows, with ``{name}`` for the file's own name. encoding: empty means
    UTF-8 or a byte order mark.
    """

    layouts: tuple[Layout, ...] = ()
    symbol: str = ""
    columns: tuple[str, ...] = ()
    encoding: str = ""
    decimal_comma: bool | None = None
    field_map: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = "auto"
    words: TradeWords = field(default_factory=TradeWords)


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """``names``: the columns as the file calls them. ``columns``: our field -> its column. ``constants``: the same text
    in every row. ``time_unit``: of times that are plain numbers, or auto. ``words``: how values are written."""

    names: tuple[str, ...]
    columns: Mapping[Field, int]
    constants: Mapping[Field, str]
    time_unit: str
    layout: Layout | None = None
    words: TradeWords = field(default_factory=TradeWords)

    @property
    def paths(self) -> dict[str, Field]:
        """Their name -> our field, as explanations need it."""
        return {self.names[column]: field for field, column in self.columns.items()}

    def describe(self) -> str:
        """Which of their columns is which of our fields, where the names differ, and the unit of times."""
        parts = [f"layout {self.layout.name}"] if self.layout else []
        renamed = [
            f"{field.name.lower()} from {self.names[column]}"
            for field, column in sorted(self.columns.items())
            if self.names[column].casefold() not in (field.name.lower(), *EVENT_TIME_NAMES)
        ]
        parts += [", ".join(renamed)] if renamed else []
        parts += [f"{field.name.lower()} {text}" for field, text in self.constants.items()]
        parts.append("unit of times by their size" if self.time_unit == "auto" else f"times in {self.time_unit}")
        return "; ".join(parts)


def plan_columns(
    names: Sequence[str],
    options: FileOptions,
    layout: Layout | None = None,
    *,
    given: Mapping[str, str] | None = None,
    file_name: str = "",
    where: str = "",
) -> ColumnPlan:
    """Find the fields among the columns ``names``. ``given``: columns with one value, such as a folder's."""
    found, missing = _found_columns(names, options, layout, given or {})
    constants = _constants(options, layout, found, given or {}, file_name, where)
    absent = [
        _wanted_name(each, options, layout)
        for each in Field
        if REQUIRED >> each & 1 and each not in found and each not in constants
    ]
    if absent:
        raise InputError(
            f"no column {', '.join(absent)}",
            where=where,
            mend=_how_to_mend(absent, names),
        )
    if missing:
        raise InputError(
            f"no column {', '.join(missing)}, which the field map names", where=where, mend=_columns_are(names)
        )
    twice = [names[column] for column in found.values() if [name.strip() for name in names].count(names[column]) > 1]
    if twice:
        raise InputError(f"column {', '.join(twice)} stands twice", where=where)
    time_name = names[found[Field.EVENT_TIME]].strip().casefold()
    unit = options.time_unit if options.time_unit != "auto" or layout is None else layout.time_unit
    ending = time_name.rpartition("_")[2] if "_" in time_name else ""
    return ColumnPlan(tuple(names), found, constants, ending if ending in TIME_UNITS else unit, layout, options.words)


def _found_columns(
    names: Sequence[str], options: FileOptions, layout: Layout | None, given: Mapping[str, str]
) -> tuple[dict[Field, int], list[str]]:
    """Columns of the fields, and names of the field map that aren't there."""
    ours = {each.name.lower(): each for each in Field}
    for name in options.field_map:
        if name not in ours:
            raise SettingError(f"no such field: {name}", where="field_map", mend=f"use {', '.join(ours)}")
    found: dict[Field, int] = {}
    missing: list[str] = []
    for name, each in ours.items():
        mapped = options.field_map.get(name)
        column = next((at for choice in _choices(name, options, layout) if (at := _column(names, choice)) >= 0), -1)
        if column >= 0:
            found[each] = column
        elif mapped and mapped not in given and not mapped.endswith(OPTIONAL_MARK):
            missing.append(mapped)
    # A column that the field map or the layout gives to one field isn't another's because of its name.
    by_name = {*options.field_map, *(layout.fields if layout else ())}
    taken = {found[ours[name]] for name in by_name if ours[name] in found}
    for name, each in ours.items():
        if name not in by_name and found.get(each, -1) in taken:
            del found[each]
    both = [name for name in options.field_map if list(found.values()).count(found.get(ours[name], -1)) > 1]
    if both:
        raise SettingError(f"{' and '.join(both)} read the same column", where="field_map")
    return found, missing


def _choices(name: str, options: FileOptions, layout: Layout | None) -> tuple[str, ...]:
    if name in options.field_map:
        return (options.field_map[name].removesuffix(OPTIONAL_MARK),)
    if layout is not None and name in layout.fields:
        return (layout.fields[name],)
    return EVENT_TIME_NAMES if name == "event_time" else (name,)


def _column(names: Sequence[str], wanted: str) -> int:
    """The column called ``wanted``, -1 when there is none, or several that differ by case alone."""
    for at, name in enumerate(names):
        if name.strip() == wanted:
            return at
    alike = [at for at, name in enumerate(names) if name.strip().casefold() == wanted.casefold()]
    return alike[0] if len(alike) == 1 else -1


def _constants(
    options: FileOptions,
    layout: Layout | None,
    found: Mapping[Field, int],
    given: Mapping[str, str],
    file_name: str,
    where: str,
) -> dict[Field, str]:
    constants: dict[Field, str] = {}
    folder = {key.casefold(): value for key, value in given.items()}
    for each in (Field.SYMBOL, Field.EXCHANGE):
        value = folder.get(options.field_map.get(each.name.lower(), each.name.lower()).casefold(), "")
        if value and each not in found:
            constants[each] = value
    if options.symbol:
        if Field.SYMBOL in found:
            raise InputError("the file names the symbol of each row itself", where=where, mend="leave --symbol out")
        constants[Field.SYMBOL] = options.symbol.replace("{name}", file_name.partition(".")[0])
    if layout is not None:
        symbol = layout.symbol_in(file_name)
        if symbol and Field.SYMBOL not in found and Field.SYMBOL not in constants:
            constants[Field.SYMBOL] = symbol
        if layout.exchange and Field.EXCHANGE not in found and Field.EXCHANGE not in constants:
            constants[Field.EXCHANGE] = layout.exchange
    return constants


def _wanted_name(each: Field, options: FileOptions, layout: Layout | None) -> str:
    return _choices(each.name.lower(), options, layout)[0]


def _how_to_mend(absent: Sequence[str], names: Sequence[str]) -> str:
    if list(absent) == ["symbol"]:
        return f"give it by --symbol, or map it by --field-map symbol=NAME; {_columns_are(names)}"
    return f"map it by --field-map, or name a --layout or the --columns; {_columns_are(names)}"


def _columns_are(names: Sequence[str]) -> str:
    shown = ", ".join(names)
    return f"the columns are {shown[:200]}{'…' if len(shown) > 200 else ''}"
