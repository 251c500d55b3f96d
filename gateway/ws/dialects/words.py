"""What the dialects have in common: reading a client's JSON object, symbols in it, times and answers in JSON.

Whatever a client sends gives a value or a Problem, never an exception. Error texts repeat at most 64 characters of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.fanout.dialect import Problem, RoomKey
from kernels.symbols import is_symbol

__all__ = [
    "encode",
    "iso",
    "read_lists",
    "read_object",
    "read_symbols",
    "read_wanted",
    "shown",
    "ticker_rooms",
    "unknown_action",
]

encode: Final = msgspec.json.encode
ID_MAX: Final = 64
_OBJECT: Final = msgspec.json.Decoder(dict[str, object])


def iso(time_ms: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC, with milliseconds."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def shown(value: object) -> str:
    """``value`` as it may stand in an error text."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except RecursionError:  # JSON may be nested deeper than repr goes
        text = type(value).__name__
    return text if len(text) <= 64 else text[:61] + "..."


def read_object(data: bytes) -> Mapping[str, object] | Problem:
    try:
        return _OBJECT.decode(data)
    except msgspec.ValidationError:
        return Problem("PARSE_ERROR", "The message is not a JSON object")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Problem("PARSE_ERROR", "The message is not valid JSON")


def read_symbols(message: Mapping[str, object]) -> tuple[list[str], list[Problem]]:
    """Well-formed names under ``symbols``, each once; one string may stand for a list of one."""
    given = message.get("symbols")
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not names:
        return [], [Problem("INVALID_MESSAGE", 'A list of symbols is missing, e.g. "symbols":["AAPL"]')]
    good = dict.fromkeys(name for name in names if isinstance(name, str) and is_symbol(name))
    bad = [shown(name) for name in names if not (isinstance(name, str) and is_symbol(name))]
    if not bad:
        return list(good), []
    listed = ", ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
    return list(good), [Problem("INVALID_SYMBOL", f"Not a symbol: {listed}")]


def read_lists(message: Mapping[str, object]) -> tuple[str, ...] | Problem:
    """Ids under ``watchlists``, each once; one string may stand for a list of one."""
    given = message.get("watchlists", [])
    ids = [given] if isinstance(given, str) else given
    if not isinstance(ids, list) or not all(isinstance(each, str) and 0 < len(each) <= ID_MAX for each in ids):
        return Problem("INVALID_MESSAGE", 'watchlists must be ids of watchlists, e.g. "watchlists":["0b6c1d3e"]')
    return tuple(dict.fromkeys(ids))


def read_wanted(message: Mapping[str, object]) -> tuple[list[str], tuple[str, ...], list[Problem]] | Problem:
    """Symbols, ids of watchlists, and what is wrong with some of the symbols. A message needs one of the two."""
    lists = read_lists(message)
    if isinstance(lists, Problem):
        return lists
    symbols, problems = read_symbols(message) if not lists or message.get("symbols") else ([], [])
    return symbols, lists, problems


def ticker_rooms(symbols: list[str]) -> tuple[RoomKey, ...]:
    return tuple(("ticker", symbol) for symbol in symbols)


def unknown_action(field: str, value: object, known: str) -> Problem:
    return Problem("INVALID_MESSAGE", f"Unknown {field}: {shown(value)}. Known: {known}")
