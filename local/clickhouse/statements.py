"""The little SQL that the server must look at itself: is this an INSERT with data, does it name a format, is it USE?

``server`` asks before it hands the text to the engine. What isn't recognised goes to the engine unchanged, so the
engine decides what is wrong with it. A SELECT's FORMAT clause is removed, as the real server ignores it here.
"""

import re
from dataclasses import dataclass
from typing import Final

from local.clickhouse.types import split_arguments

__all__ = ["Insert", "as_subquery", "parse_insert", "used_database", "without_comments", "without_format"]

_NAME = r"(?:`(?:[^`\\]|\\.)+`|\"(?:[^\"\\]|\\.)+\"|[A-Za-z_]\w*)"
_INSERT: Final = re.compile(
    rf"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)\s*(?P<columns>\([^()]*\))?\s*"
    r"(?P<settings>SETTINGS\s+.+?)?\s*(?:VALUES|FORMAT\s+\w+)\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
_COMMENTS: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)
_FORMAT: Final = re.compile(r"\s+FORMAT\s+\w+\s*;?\s*$", re.IGNORECASE)
_USE: Final = re.compile(rf"\s*USE\s+(?:DATABASE\s+)?({_NAME})\s*;?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Insert:
    """``INSERT INTO table (columns) SETTINGS ... VALUES``; ``columns`` is None for all of them."""

    table: str
    columns: list[str] | None
    column_list: str
    settings: str


def _unquoted(name: str) -> str:
    name = name.strip()
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name[:1] in {"`", '"'} else name


def without_comments(sql: str) -> str:
    """``sql`` without white space and comments in front."""
    found = _COMMENTS.match(sql)
    return sql[found.end() :] if found else sql


def parse_insert(sql: str) -> Insert | None:
    """The parts of an INSERT whose rows follow as data packets; None for everything else."""
    found = _INSERT.fullmatch(sql)
    if not found:
        return None
    column_list = found["columns"] or ""
    columns = [_unquoted(name) for name in split_arguments(column_list[1:-1])] if column_list else None
    return Insert(found["table"], columns, column_list, found["settings"] or "")


def without_format(sql: str) -> str:
    return _FORMAT.sub("", sql)


def used_database(sql: str) -> str | None:
    """The database that a USE statement changes to."""
    found = _USE.fullmatch(sql)
    return _unquoted(found[1]) if found else None


def as_subquery(sql: str) -> str:
    # The newline ends a trailing -- comment before the bracket.
    return "(" + sql.rstrip().rstrip(";") + "\n)"
