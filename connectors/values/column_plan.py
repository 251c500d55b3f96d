"""Which column of a file each field of a trade is read from, and what every row of the file has in common.

TradeFile makes one from the names of columns; the CSV, JSON and Arrow decoders read by it. The user's field map comes
first, then the layout's, then our own names. Names are compared exactly, and where that finds nothing without regard
to case. A symbol or an exchange may also be one text for all rows: given, from a folder's or file's name, or the
layout's. A field that is asked for and isn't there, or stands twice, raises InputError.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Final

from connectors.values.fields import OPTIONAL_MARK, REQUIRED, TIME_UNITS, Field
from connectors.values.layouts import LAYOUTS, Layout
from schemas.errors import InputError, SettingError
from schemas.trade_words import TradeWords

__all__ = ["EVENT_TIME_NAMES", "ColumnPlan", "FileOptions", "is_header", "plan_columns", "refuse_options"]

EVENT_TIME_NAMES: Final = ("event_time_us", "event_time", "event_time_ms", "event_time_ns", "event_time_s")
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9.,eE+-]*")


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
    in every row. ``time_unit``: of times that are plain numbers, or auto. ``words``: how values are written.

    kept: a column of one letter or digit, and those of its values with which a row is a trade; None: every row is one.
    """

    names: tuple[str, ...]
    columns: Mapping[Field, int]
    constants: Mapping[Field, str]
    time_unit: str
    layout: Layout | None = None
    kept: tuple[int, str] | None = None
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
        parts += _said_words(self.words)
        if self.kept is not None:
            parts.append(f"trades are rows with {self.names[self.kept[0]]} {' or '.join(self.kept[1])}")
        return "; ".join(parts)


def refuse_options(options: FileOptions, names: Sequence[str], what: str, where: str) -> None:
    """Raise InputError when one of the options ``names`` was given, which would change nothing of ``what``."""
    given = {
        "--columns": bool(options.columns),
        "--encoding": bool(options.encoding),
        "--decimal-comma": options.decimal_comma is not None,
    }
    for name in names:
        if given[name]:
            raise InputError(f"{name} says nothing about {what}", where=where, mend="leave it out")


def is_header(names: Sequence[str], known: Iterable[str] = ()) -> bool:
    """Whether these cells are names of columns, ours, of a layout or of ``known``, and none is a number."""
    words = {name.casefold() for name in (*known, *EVENT_TIME_NAMES)}
    words |= {each.name.lower() for each in Field}
    words |= {name.casefold() for layout in LAYOUTS for name in layout.columns}
    return sum(name.casefold() in words for name in names) >= 3 and not any(map(_NUMBER.fullmatch, names))


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
    if layout is not None:
        _check_layout(layout, names, where)
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
    words = options.words if layout is None else _merged(layout.words_of(file_name), options.words)
    if layout is not None and layout.day_zone and words.time_origin_us is None:
        raise InputError(
            "times count from midnight and the file's name has no day", where=where,
            mend="name the midnight by TAPEFLOW_TIME_ORIGIN, such as 2012-06-21T04:00:00+00:00",
        )  # fmt: skip
    kept = None
    if layout is not None and (column := _column(names, layout.kept[0])) >= 0:
        kept = column, layout.kept[1]
    unit = ending if ending in TIME_UNITS else unit
    return ColumnPlan(tuple(names), found, constants, unit, layout, kept, words)


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
    own = EVENT_TIME_NAMES if name == "event_time" else (name,)
    if layout is not None and name in layout.fields:
        return (*layout.fields[name].split("|"), *own)
    return own


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
        name = file_name.partition(".")[0]
        if "{name}" in options.symbol and not name:
            raise InputError("a pipe has no name to take the symbol from", where=where, mend="give --symbol itself")
        constants[Field.SYMBOL] = options.symbol.replace("{name}", name)
    if layout is not None:
        symbol = layout.symbol_in(file_name)
        if symbol and Field.SYMBOL not in found and Field.SYMBOL not in constants:
            constants[Field.SYMBOL] = symbol
        if layout.exchange and Field.EXCHANGE not in found and Field.EXCHANGE not in constants:
            constants[Field.EXCHANGE] = layout.exchange
    return constants


def _check_layout(layout: Layout, names: Sequence[str], where: str) -> None:
    """Raise InputError when a file has none of the columns that tell a layout from our own names."""
    ours = {*EVENT_TIME_NAMES, *(each.name.lower() for each in Field)}
    telling = [name for name in layout.columns if name not in ours]
    if telling and not any(_column(names, name) >= 0 for name in telling):
        raise InputError(
            f"not the layout {layout.name}: no column {', '.join(telling)}", where=where, mend=_columns_are(names)
        )


def _merged(of_layout: TradeWords, of_user: TradeWords) -> TradeWords:
    """How the layout writes its values, except where the user says otherwise."""
    usual = TradeWords()
    said = {
        each.name: getattr(of_user, each.name)
        for each in fields(TradeWords)
        if getattr(of_user, each.name) != getattr(usual, each.name)
    }
    return replace(of_layout, **said)


def _wanted_name(each: Field, options: FileOptions, layout: Layout | None) -> str:
    return _choices(each.name.lower(), options, layout)[0]


def _how_to_mend(absent: Sequence[str], names: Sequence[str]) -> str:
    if list(absent) == ["symbol"]:
        by_name = "give it by --symbol ({name} is the file's name)"
        return f"{by_name}, or map it by --field-map symbol=NAME; {_columns_are(names)}"
    return f"map it by --field-map, or name a --layout or the --columns; {_columns_are(names)}"


def _said_words(words: TradeWords) -> list[str]:
    """What isn't usual of how values are written."""
    parts = [", ".join(f"side {word} is {side}" for word, side in words.sides.items())] if words.sides else []
    if words.side_of == "maker":
        parts.append("sides are the maker's, so turned round")
    if words.signed_size:
        parts.append("sizes below zero are sells")
    scales = (("prices", words.price_scale), ("sizes", words.size_scale))
    parts += [f"{what} divided by 10**{scale}" for what, scale in scales if scale]
    if words.time_origin_us is not None:
        parts.append(f"times since {datetime.fromtimestamp(words.time_origin_us // 1_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}")
    return parts


def _columns_are(names: Sequence[str]) -> str:
    shown = ", ".join(names)
    return f"the columns are {shown[:200]}{'…' if len(shown) > 200 else ''}"
