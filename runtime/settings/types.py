"""What a setting's text may be: lists, addresses, URLs, starting points, maps from our names.

runtime.settings.whole puts these on its fields. Each takes the value as it was written and gives it back in its final
form, or raises ValueError with the words of what is allowed, which the reader of settings turns into one line.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from schemas.clusters import CLUSTER_SCHEMES, clustered_redis
from schemas.intervals import INTERVALS, parse_interval
from schemas.sentinels import SENTINEL_SCHEMES, watched_redis

__all__ = [
    "PREVIOUS_CLOSE",
    "YEAR_MS",
    "Names",
    "Targets",
    "address_list",
    "addresses",
    "candle_rules",
    "interval_names",
    "json_pointer",
    "lateness_by_interval",
    "login_users",
    "own_fields",
    "poll_address",
    "quote_fields",
    "setting",
    "side_words",
    "start_position",
    "url",
    "urls",
    "venue_addresses",
    "zoned_time",
]

TRADE_FIELDS: Final = ("symbol", "price", "size", "side", "trade_id", "event_time", "exchange", "bid", "ask")
QUOTE_FIELDS: Final = ("symbol", "bid", "ask", "bid_size", "ask_size", "event_time", "exchange")
YEAR_MS: Final = 366 * 24 * 3_600_000
USER_CHARS_MAX: Final = 128
SIDES: Final = frozenset({"BUY", "SELL", "UNKNOWN"})
SIDE_WORDS_MAX: Final = 200
SIDE_WORD_BYTES_MAX: Final = 24
FIRST_TRADE: Final = "first-trade"
PREVIOUS_CLOSE: Final = "previous-close"
TARGETS: Final = 'name=http://host:port/metrics, several with commas, or {"name": "http://…"}, without a password'


def setting(default: Any, description: str, *, unit: str = "", secret: bool = False, **limits: Any) -> Any:
    """A field of Settings: ``description`` says what it is and why the default; ``limits`` are pydantic's ge, le, …"""
    return Field(default, description=description, json_schema_extra={"unit": unit, "secret": secret}, **limits)


def split_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]
"""A list that is written with commas in a variable, or as an array in TOML."""


def split_targets(value: object) -> object:
    """``name=address`` with commas, or a JSON object of names to an address or a list of them, as such texts."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(TARGETS) from None
    if isinstance(value, dict):
        lists = {name: given if isinstance(given, list) else [given] for name, given in value.items()}
        return tuple(f"{name}={each}" for name, addresses in lists.items() for each in addresses)
    return split_list(value)


def metrics_targets(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        name, _, address = text.partition("=")
        try:
            found = urlsplit(address)
            is_address = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
        except ValueError:
            is_address = False
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) or not is_address or any(each in address for each in ", @"):
            raise ValueError(TARGETS)
    return texts


Targets = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_targets), AfterValidator(metrics_targets)]
"""Addresses of metrics, each with a name, which may come again."""


def address_list(text: str) -> str:
    for part in text.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError("host:port, several with commas")
    return text


def addresses(parts: tuple[str, ...]) -> tuple[str, ...]:
    for part in parts:
        address_list(part)
    return parts


def candle_rules(parts: tuple[str, ...]) -> tuple[str, ...]:
    rules, bare = (FIRST_TRADE, PREVIOUS_CLOSE), [part for part in parts if "=" not in part]
    named = [part.partition("=") for part in parts if "=" in part]
    exchanges = [name.upper() for name, _, _ in named]
    fit = len(bare) <= 1 and all(part in rules for part in bare) and all(rule in rules for _, _, rule in named)
    if not fit or not all(exchanges) or len(set(exchanges)) < len(exchanges):
        raise ValueError(f"{FIRST_TRADE} or {PREVIOUS_CLOSE}, and EXCHANGE={PREVIOUS_CLOSE} and the like with commas")
    return parts


def venue_addresses(parts: tuple[str, ...]) -> tuple[str, ...]:
    for part in parts:
        name, _, address = part.partition("=")
        try:
            found = urlsplit(address)
            is_address = bool(found.hostname) and found.port != 0 and found.path in ("", "/")
        except ValueError:
            is_address = False
        if not name or not is_address or found.scheme not in ("ws", "wss", "http", "https"):
            raise ValueError("venue=wss://host:port or venue=https://host:port, several with commas")
    return parts


def poll_address(text: str) -> str:
    try:
        found = urlsplit(text)
        is_address = bool(found.hostname) and found.scheme in ("http", "https") and "{symbol}" in text
    except ValueError:
        is_address = False
    if text and not is_address:
        raise ValueError("an address such as https://host/quote?symbol={symbol}&apikey={key}")
    return text


def json_pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError("a JSON pointer such as /price or /Global Quote/05. price")
    return text


def login_users(parts: tuple[str, ...]) -> tuple[str, ...]:
    names = [part.partition(":")[0] for part in parts]
    fit = all(2 <= len(fields := part.split(":")) <= 3 and all(fields) for part in parts)
    if not fit or len(set(names)) < len(names) or any(len(name) > USER_CHARS_MAX for name in names):
        raise ValueError(
            "name:password or name:password:role, several with commas; each name once, of at most "
            f"{USER_CHARS_MAX} characters; no commas or colons in a password"
        )
    return parts


def url(*schemes: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text and not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError("a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return text

    return check


def redis_address(text: str) -> str:
    watched_redis(text)
    clustered_redis(text)
    return url("redis", "rediss", "unix", *SENTINEL_SCHEMES, *CLUSTER_SCHEMES)(text)


def urls(*schemes: str) -> Callable[[str], str]:
    """One URL, or several with commas."""
    check_one = url(*schemes)

    def check(text: str) -> str:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > 1 and not all(parts):
            raise ValueError("URLs with a comma between them")
        return ",".join(check_one(part) for part in parts)

    return check


def start_position(text: str) -> str:
    allowed = 'earliest, latest, a time such as 2026-01-31T09:30:00Z, or {"0": 1500} (partition: offset)'
    if text in ("earliest", "latest"):
        return text
    try:
        if text.startswith("{"):
            if all(int(key) >= 0 and type(offset) is int and offset >= 0 for key, offset in json.loads(text).items()):
                return text
        elif datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass  # said below, in the words of all four forms
    raise ValueError(allowed)


def own_fields(mapping: dict[str, str]) -> dict[str, str]:
    if not set(mapping) <= set(TRADE_FIELDS):
        raise ValueError('{"ours": "theirs"}, ours being one of ' + ", ".join(TRADE_FIELDS))
    return mapping


def interval_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(INTERVALS[parse_interval(name)].name for name in names)


def quote_fields(mapping: dict[str, str]) -> dict[str, str]:
    if not set(mapping) <= set(QUOTE_FIELDS) or any("[]" in theirs for theirs in mapping.values()):
        raise ValueError('{"ours": "theirs"}, ours being one of ' + ", ".join(QUOTE_FIELDS) + "; one quote a record")
    return mapping


def side_words(mapping: dict[str, str]) -> dict[str, str]:
    allowed = '{"word": "BUY"}, at most 200 words of 1 to 24 bytes; BUY, SELL or UNKNOWN'
    sides = {word: side.upper() for word, side in mapping.items()}
    if len(sides) > SIDE_WORDS_MAX or not set(sides.values()) <= SIDES:
        raise ValueError(allowed)
    if not all(1 <= len(word.strip().encode()) <= SIDE_WORD_BYTES_MAX for word in sides):
        raise ValueError(allowed)
    return sides


def zoned_time(text: str) -> str:
    try:
        if not text or datetime.fromisoformat(text).tzinfo is not None:
            return text
    except ValueError:
        pass  # said below
    raise ValueError("a time with its zone, such as 2026-01-31T00:00:00-05:00")


def lateness_by_interval(by_interval: dict[str, int]) -> dict[str, int]:
    if not all(0 <= lateness_ms <= YEAR_MS for lateness_ms in by_interval.values()):
        raise ValueError(f"whole number 0..{YEAR_MS} for each interval")
    try:
        return {INTERVALS[parse_interval(name)].name: lateness_ms for name, lateness_ms in by_interval.items()}
    except ValueError:
        raise ValueError(f"an object with keys of {', '.join(each.name for each in INTERVALS)}") from None
