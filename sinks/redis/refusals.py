"""What Redis refuses for good, as one line that names the command, the key and the right that is missing.

sinks.redis.sink asks when a write or a start was refused. Redis says which command or key it means only sometimes;
inside a script it gives a line number, where APPLY_UPDATE says by a comment which keys the command touches. An outage,
a full memory and a replica in a failover aren't refusals: they pass, and are waited for.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import redis

from schemas.errors import SettingError, TapeflowError, WriteFailed
from schemas.names import EPOCH_KEY
from sinks.redis.scripts import APPLY_UPDATE, Call

__all__ = ["NO_RIGHT", "refusal", "replica"]

COMMAND: Final = re.compile(r"(?:run|execute) the '([\w|-]+)'", re.IGNORECASE)
SCRIPT_LINE: Final = re.compile(r"user_script:\s*(\d+)")
CALL: Final = re.compile(r"call\('(\w+)'.*?--\s*(\S+)\s*$")
NO_RIGHT: Final = re.compile(
    r"NOPERM|can't (run this command|access at least one of the keys)|no permissions? to", re.IGNORECASE
)
KEY_RIGHT: Final = re.compile(r"\bkeys?\b", re.IGNORECASE)
CHANNEL_RIGHT: Final = re.compile(r"\bchannels?\b", re.IGNORECASE)
KEYS_OF_OURS: Final = "~price:* ~symbol:* ~candle:* ~candles:* ~md:*"
TYPES: Final = {"price": "string", "candle": "string", "candles": "zset", "symbol": "hash", "md": "stream"}
LAYOUTS: Final = ((5, 2), (4, 1), (9, 2))
"""Of the packed final bars, live bars and tickers: elements of each, and how many of the first are keys."""


def refusal(
    error: Exception,
    client: redis.Redis,
    where: str,
    asked: str = "",
    calls: Iterable[tuple[int, Call]] = (),
    script: str = APPLY_UPDATE,
) -> TapeflowError:
    """The error to raise for what Redis answered. ``asked``: the command, where the answer names none; ``script``: the
    one that ran."""
    said = " ".join(str(error).split())
    if isinstance(error, redis.exceptions.AuthenticationError):
        return SettingError("Redis refused the login", where=where, mend=f"set TAPEFLOW_REDIS_URL ({said})")
    command, keys = _command_and_keys(said, asked, script)
    if isinstance(error, redis.exceptions.NoPermissionError) or NO_RIGHT.search(said):
        return _missing_right(said, client, where, command, keys)
    if "WRONGTYPE" in said:
        key = _of_wrong_type(client, keys, calls)
        return WriteFailed(
            f"Redis holds {key} as another type than {command} writes", where=where, mend="move that key away"
        )
    return WriteFailed(f"Redis refused {command} of {keys or 'a live update'}", where=where, mend=said)


def replica(where: str) -> TapeflowError:
    """The error for a start on a server that takes no writes."""
    return SettingError(
        "Redis is a replica, which takes no writes", where=where, mend="set TAPEFLOW_REDIS_URL to the primary"
    )


def _missing_right(said: str, client: redis.Redis, where: str, command: str, keys: str) -> TapeflowError:
    kwargs = client.get_connection_kwargs()
    user = kwargs.get("username") or "default"
    on = f" on {keys}" if keys else ""
    if CHANNEL_RIGHT.search(said):
        right, kind = f"&{keys}", "the right to the channel"
    elif KEY_RIGHT.search(said):
        right, kind = KEYS_OF_OURS, "the right to the keys"
    else:
        right, kind = f"+{command.lower().replace(' ', '|')}", "the right to the command"
    return SettingError(
        f"Redis refuses user {user} {command}{on}: {kind} is missing", where=where, mend=f"ACL SETUSER {user} {right}"
    )


def _command_and_keys(said: str, asked: str, script: str) -> tuple[str, str]:
    """The command and the pattern of its keys, as far as the answer tells."""
    if found := SCRIPT_LINE.search(said):
        line = script.splitlines()[int(found[1]) - 1]
        if call := CALL.search(line):
            return call[1], call[2]
    if found := COMMAND.search(said):
        return found[1].upper().replace("|", " "), ""
    return asked or "EVALSHA", f"{EPOCH_KEY} or md:deltas:*" if KEY_RIGHT.search(said) else ""


def _of_wrong_type(client: redis.Redis, pattern: str, calls: Iterable[tuple[int, Call]]) -> str:
    """The first key of ``calls`` that is of another type; the pattern where it can't be asked."""
    kind = pattern.partition(":")[0]
    if not pattern.endswith("*"):
        return pattern
    try:
        for key in _keys(kind, calls):
            found: Any = client.type(key)
            if found.decode() not in ("none", TYPES[kind]):
                return f"{key} (a {found.decode()})"
    except (redis.exceptions.RedisError, OSError, KeyError):
        return pattern
    return pattern


def _keys(kind: str, calls: Iterable[tuple[int, Call]]) -> Iterator[str]:
    for shard, packed in calls:
        if kind == "md":
            yield f"md:deltas:{shard}"
        for part, (size, keys) in zip(packed, LAYOUTS, strict=True):
            elements = msgspec.msgpack.decode(part) if part else []
            for first in range(0, len(elements), size):
                yield from (key for key in elements[first : first + keys] if key.partition(":")[0] == kind)
