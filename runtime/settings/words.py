"""What tapeflow says about settings: error lines, masks over secrets, and the table of the documentation.

runtime.settings.whole hands in pydantic's fields and errors, and gets SettingErrors and text back. A line names the
variable (or the file's key), the value as the user wrote it, and what is allowed. A value that may hold a password is
never part of any text.
"""

import difflib
import json
import os
import re
import types
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from schemas.errors import SettingError

__all__ = [
    "PREFIX",
    "FieldWords",
    "allowed_values",
    "describe_fields",
    "field_words",
    "masked",
    "not_readable",
    "unknown",
    "wrong_value",
]

PREFIX: Final = "TAPEFLOW_"
MASK: Final = "***"
_SECRET_KEY: Final = re.compile(r"password|secret|token|key$|jaas|user\.info$")
_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*:[^/\s]*@")
_QUERY_SECRET: Final = re.compile(r"(?<=[?&])([^=&#\s]*(?:pass|secret|token|key)[^=&#\s]*)=[^&#\s]*", re.IGNORECASE)
REPLACED: Final = {
    "REDIS_HASH_TAGS": "leave it out: keys are written without braces",
    "GATEWAY_REUSE_PORT": "leave it out: the processes of tapeflow gateway --processes share their port by themselves",
    "STREAM_LENGTH_MAX": "set TAPEFLOW_STREAM_MINUTES_MAX and TAPEFLOW_STREAM_MB_MAX instead, or neither: "
    "entries grow with the symbols, so their number bounded no memory",
}
"""What stands in the place of settings of earlier versions."""
_OWN_WORDS: Final = ("value_error", "assertion_error")


def _extra(field: FieldInfo, key: str) -> Any:
    return field.json_schema_extra.get(key) if isinstance(field.json_schema_extra, dict) else None


def masked(field: FieldInfo, value: object) -> object:
    """``value`` as it may be shown: secrets as ***, and so the user and password of a URL, in its query too."""
    if _extra(field, "secret"):
        if isinstance(value, Mapping):
            return {key: MASK if _SECRET_KEY.search(str(key)) else _without_login(each) for key, each in value.items()}
        return MASK if value else value
    return _without_login(value)


def _without_login(value: object) -> object:
    if not isinstance(value, str) or "://" not in value:
        return value
    return _QUERY_SECRET.sub(rf"\1={MASK}", _USERINFO.sub(MASK + "@", value))


def _limits(field: FieldInfo) -> dict[str, Any]:
    names = ("ge", "gt", "le", "lt", "pattern")
    return {
        name: getattr(each, name) for each in field.metadata for name in names if getattr(each, name, None) is not None
    }


def allowed_values(field: FieldInfo) -> str:
    """What a field takes, in words: ``one of a, b``, ``whole number 0..60000``, ``text``."""
    kind = field.annotation
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    limits = _limits(field)
    if kind in (int, float):
        word = "whole number" if kind is int else "number"
        if "ge" in limits and "le" in limits:
            return f"{word} {limits['ge']}..{limits['le']}"
        return f"{word} from {limits['ge']}" if "ge" in limits else word
    if kind is bool:
        return "true or false"
    if get_origin(kind) is dict:
        return "JSON object"
    if get_origin(kind) is tuple:
        return "list, with commas"
    if kind is Path:
        return "path"
    return f"text that matches {limits['pattern']}" if "pattern" in limits else "text"


def unknown(name: str, known: Iterable[str], path: str = "") -> SettingError:
    """The error for a variable, an argument or a key of the file at ``path`` that isn't a setting, with the nearest one
    that is, spelled as it has to be there."""
    if replaced := REPLACED.get(name.upper().removeprefix(PREFIX)):
        return SettingError("no such setting any more", where=f"{name} in {path}" if path else name, mend=replaced)
    bare = {each.removeprefix(PREFIX): each for each in known}
    near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), sorted(bare), n=1, cutoff=0.6)
    meant = bare[near[0]] if near else ""
    if path:
        name, meant = f"{name} in {path}", meant.removeprefix(PREFIX).lower()
    mend = f"did you mean {meant}?" if near else "docs/settings.md lists all settings"
    return SettingError("no such setting", where=name, mend=mend)


def _place(name: str, overridden: bool, path: str) -> str:
    variable = PREFIX + name.upper()
    if not overridden and variable not in {each.upper() for each in os.environ} and Path(path).is_file():
        return f"{variable} ({name} in {path})"
    return variable


def wrong_value(
    fields: Mapping[str, FieldInfo], error: ValidationError, given: Mapping[str, object], path: str
) -> SettingError:
    """The first of pydantic's errors as one line; several are counted."""
    details = error.errors(include_url=False)
    first, more = details[0], len(details) - 1
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in fields:
        return unknown(name, [PREFIX + each.upper() for each in fields], "" if name in given else path)
    field = fields[name]
    value = MASK if _extra(field, "secret") else masked(field, first["input"])
    inner = ".".join(
        str(each) for each in first["loc"][1:2] if not isinstance(each, int) and each in _keys(given, name)
    )
    words = str(first["ctx"]["error"]) if first["type"] in _OWN_WORDS else allowed_values(field)
    unit = _extra(field, "unit")
    also = f" (and {more} more wrong)" if more else ""
    return SettingError(
        f"{_place(name, name in given, path)}{f' key {inner}' if inner else ''} is {value!r}{also}",
        mend=f"allowed is {words}{f', in {unit}' if unit else ''}",
    )


def _keys(given: Mapping[str, object], name: str) -> set[str]:
    value = given.get(name)
    return {str(each) for each in value} if isinstance(value, Mapping) else set()


def not_readable(fields: Mapping[str, FieldInfo], error: Exception, path: str) -> SettingError:
    """The error for a file that isn't TOML, or a variable that isn't JSON where JSON is due."""
    quoted = re.search(r'field "(\w+)"', str(error))
    if quoted and quoted[1] in fields:
        name, field = quoted[1], fields[quoted[1]]
        variable = PREFIX + name.upper()
        value = MASK if _extra(field, "secret") else os.environ.get(variable, "")
        return SettingError(f"{variable} is {value!r}", mend=f"allowed is {allowed_values(field)}")
    return SettingError(
        f"can't read the settings file: {error}", where=path, mend="it must be TOML, one setting a line"
    )


class FieldWords(NamedTuple):
    """What there is to say about a field: its default and what it takes, as text, the unit, and what it is."""

    variable: str
    default: str
    allowed: str
    unit: str
    about: str


def field_words(name: str, field: FieldInfo) -> FieldWords:
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = str(default) if isinstance(default, str | Path | Decimal) else json.dumps(default)
    return FieldWords(
        PREFIX + name.upper(), shown, allowed_values(field), _extra(field, "unit") or "", field.description or ""
    )


def describe_fields(fields: Mapping[str, FieldInfo]) -> str:
    """A Markdown table with a row per field, in the order of the class."""
    lines = ["| variable | default | allowed | what it is |", "|---|---|---|---|"]
    for name, field in fields.items():
        words = field_words(name, field)
        cells = (
            f"`{words.variable}`",
            f"`{words.default}`" if words.default else "empty",
            words.allowed + (f" ({words.unit})" if words.unit else ""),
            words.about,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
