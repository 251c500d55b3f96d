"""The nine fields of a trade as decoders see them: their numbers, which are required, and how users' names map to them.

Every decoder (Avro, JSON, CSV, Parquet) builds its plan from here. Our names are fixed. Theirs come from the
``field_map`` setting, dotted where a field lies inside another (``{"price": "data.p"}``). Kernels know numbers only.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from schemas.errors import SettingError

__all__ = [
    "AUTO",
    "FIELD_COUNT",
    "ITEMS",
    "OPTIONAL_MARK",
    "REQUIRED",
    "TIME_UNITS",
    "Field",
    "Wanted",
    "asked_paths",
    "field_paths",
    "item_fields",
    "path_parts",
    "required_names",
    "time_unit_code",
    "wanted_tree",
]


class Field(IntEnum):
    """Texts first, then numbers, then the rest: kernels test ranges of these."""

    SYMBOL = 0
    TRADE_ID = 1
    EXCHANGE = 2
    PRICE = 3
    SIZE = 4
    BID = 5
    ASK = 6
    EVENT_TIME = 7
    SIDE = 8


FIELD_COUNT: Final = len(Field)
REQUIRED: Final = 1 << Field.SYMBOL | 1 << Field.PRICE | 1 << Field.SIZE | 1 << Field.EVENT_TIME
"""Bits of the fields without which there is no trade."""

OPTIONAL_MARK: Final = "?"
"""Behind their name in the field map: some of the input may lack this field (``{"side": "taker?"}``)."""
ITEMS: Final = "[]"
"""Behind a name in the field map: an array there, every item of which is a trade (``{"price": "data[].p"}``)."""
AUTO: Final = 0
TIME_UNITS: Final = {"auto": AUTO, "s": 1, "ms": 2, "us": 3, "ns": 4}
"""Unit codes of plain numbers; auto goes by magnitude: < 10**11 seconds, < 10**14 ms, < 10**17 us, else ns."""

Wanted = dict[str, "Field | Wanted"]
"""A tree of their names: a leaf is the field that the value there fills."""


def time_unit_code(unit: str) -> int:
    try:
        return TIME_UNITS[unit]
    except KeyError:
        raise SettingError(f"no such time unit: {unit}", where="time_unit", mend="use auto, s, ms, us or ns") from None


def field_paths(field_map: Mapping[str, str], defaults: Mapping[Field, str] | None = None) -> dict[str, Field]:
    """Their (dotted) name -> our field, for all nine. Raises SettingError for a name that isn't ours or a clash."""
    paths: dict[str, Field] = {}
    ours = {field.name.lower(): field for field in Field}
    for name in field_map:
        if name not in ours:
            raise SettingError(f"no such field: {name}", where="field_map", mend=f"use {', '.join(ours)}")
    for name, field in ours.items():
        theirs = field_map.get(name, "").removesuffix(OPTIONAL_MARK) or (defaults or {}).get(field, name)
        if theirs in paths and name in field_map and paths[theirs].name.lower() in field_map:
            raise SettingError(f"{name} and {paths[theirs].name.lower()} both read {theirs}", where="field_map")
        if theirs not in paths or name in field_map:
            paths[theirs] = field
    return paths


def asked_paths(field_map: Mapping[str, str]) -> frozenset[str]:
    """Their names that the input must have: all that the map names, required or not, except those marked with ``?``."""
    return frozenset(theirs for theirs in field_map.values() if theirs and not theirs.endswith(OPTIONAL_MARK))


def path_parts(path: str) -> list[str]:
    """The parts of a dotted name; ``data[].p`` is ``data``, ``[]``, ``p``: every item of an array is a trade."""
    parts: list[str] = []
    for part in path.split("."):
        name, arrays = part, 0
        while name.endswith(ITEMS):
            name, arrays = name.removesuffix(ITEMS), arrays + 1
        parts += [name] * (name != "" or arrays == 0) + [ITEMS] * arrays
    return parts


def item_fields(paths: Mapping[str, Field]) -> int:
    """Bits of the fields that lie inside an array of trades; 0 where a record is one trade.

    Raises SettingError for several arrays, or an array in an array: which items belong together nobody could tell.
    """
    arrays, fields = set(), 0
    for path, field in paths.items():
        parts = path_parts(path)
        if ITEMS in parts:
            fields |= 1 << field
            arrays.add(tuple(parts[: parts.index(ITEMS)]))
        if parts.count(ITEMS) > 1:
            raise SettingError(f"{path} names an array inside an array", where="field_map", mend="use one [] at most")
    if len(arrays) > 1:
        raise SettingError(
            "several arrays are named", where="field_map", mend="use the same array[] before every field of a trade"
        )
    return fields


def wanted_tree(paths: Mapping[str, Field]) -> Wanted:
    """The same as a tree by the parts of dotted names. Raises SettingError where a name lies inside another field."""
    tree: Wanted = {}
    for path, field in paths.items():
        *parents, leaf = path_parts(path)
        node = tree
        for parent in parents:
            below = node.setdefault(parent, {})
            if isinstance(below, Field):
                raise SettingError(f"{path} lies inside a field that is read whole", where="field_map")
            node = below
        if leaf in node:
            raise SettingError(f"{path} holds other fields that are read", where="field_map")
        node[leaf] = field
    return tree


def required_names(seen: int, paths: Mapping[str, Field]) -> str:
    """Names of the required fields whose bit isn't in ``seen``, theirs in brackets where it differs."""
    missing = []
    for theirs, field in paths.items():
        if REQUIRED >> field & 1 and not seen >> field & 1:
            ours = field.name.lower()
            missing.append(ours if ours == theirs else f"{ours} ({theirs})")
    return ", ".join(missing)
