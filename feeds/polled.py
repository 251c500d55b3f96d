"""A vendor without a stream: one address per symbol, asked again and again, and where in its answers the numbers stand.

Settings say all of it, so one file serves Alpha Vantage, Twelve Data and whoever answers in JSON. A frame of it is the
symbol, a blank and the answer. Places in an answer are JSON pointers (RFC 6901). A price stays the text that the vendor
wrote. Answers that hold words instead of a price are told as such. Pure translation, as of every venue.
"""

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from feeds.frame import EMPTY, notice, read
from feeds.marks import time_us_of
from feeds.rows import Told, Trade
from feeds.venue import Rules

__all__ = ["POLLED", "Polled", "TimeUnit", "is_pollable"]

POLLED: Final = "http-poll"
TimeUnit = Literal["s", "ms", "us"]
MICROSECONDS: Final[dict[str, int]] = {"s": 6, "ms": 3, "us": 0}
LIMITED: Final = ("/Note", "/Information")
"""Where words stand that mean all symbols (Alpha Vantage: too many questions, no such key)."""
REFUSED: Final = ("/Error Message", "/message", "/error")
"""Where words stand that mean this symbol."""
TOO_MANY: Final = "429"
RULES: Final = Rules("recent", 0.0)
SYMBOL_CHARS_MAX: Final = 64
OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Polled:
    """``url``: with {symbol}, and {key} where the vendor wants one. price, size, time: pointers; size and time may be
    empty: then 0, and the time of arrival. exchange: as trades carry it."""

    url: str
    price: str
    size: str = ""
    time: str = ""
    time_unit: TimeUnit = "s"
    exchange: str = "HTTP-POLL"
    key: str = field(default="", repr=False)
    name: str = POLLED
    rules: Rules = RULES

    def address(self, symbol: str) -> str:
        """What to ask for; it holds the key."""
        return self.url.replace("{symbol}", quote(symbol, safe="")).replace("{key}", quote(self.key, safe=""))

    def hidden(self, text: bytes) -> bytes:
        """``text`` without the key, which vendors repeat in their answers."""
        for word in {self.key, quote(self.key, safe="")} - {""}:
            text = text.replace(word.encode(), b"***")
        return text

    def told(self, frame: bytes, received_us: int) -> Told:
        """One trade; ``failed`` where the vendor answers nobody for now."""
        symbol, _, body = frame.partition(b" ")
        return read("answer", lambda: self._told(symbol.decode(), body, received_us))

    def _told(self, symbol: str, body: bytes, received_us: int) -> Told:
        price = value_at(body, self.price)
        if price is None:
            words = next((words for place in LIMITED if (words := _words_at(body, place))), "")
            if words or _words_at(body, "/code") == TOO_MANY:
                return notice("failed", symbol, words or _words_at(body, "/message") or "too much was asked for")
            words = next((words for place in REFUSED if (words := _words_at(body, place))), "")
            raise ValueError(words or f"nothing at {self.price}")
        size = value_at(body, self.size) if self.size else EMPTY
        event_time = self._time(body) if self.time else received_us
        trade_id = f"{event_time}-{_words(price)}" if self.time else ""
        return Told(trades=[Trade(symbol, symbol, price, size or EMPTY, "UNKNOWN", trade_id, event_time)])

    def _time(self, body: bytes) -> int | str:
        text = _words_at(body, self.time)
        whole, point, rest = text.partition(".")
        digits = MICROSECONDS[self.time_unit]
        if whole.isdecimal() and (rest.isdecimal() or not point):
            return int(whole + rest[:digits].ljust(digits, "0"))
        if time_us_of(text) <= 0:
            raise ValueError(f"no time with a zone at {self.time}: {text[:40]}")
        return text


def is_pollable(symbol: str) -> bool:
    """Whether it can stand in an address and in front of an answer."""
    return 0 < len(symbol) <= SYMBOL_CHARS_MAX and symbol.isascii() and symbol.isprintable() and " " not in symbol


def value_at(body: bytes, pointer: str) -> msgspec.Raw | None:
    """The JSON text there; None where nothing or null stands. Raises msgspec.DecodeError for what isn't JSON."""
    raw = msgspec.Raw(body)
    for step in pointer.split("/")[1:]:
        name, text = step.replace("~1", "/").replace("~0", "~"), bytes(raw).lstrip()
        found: msgspec.Raw | None = None
        if text.startswith(b"{"):
            found = OBJECT.decode(text).get(name)
        elif text.startswith(b"["):
            items = ARRAY.decode(text)
            found = items[int(name)] if name.isdecimal() and int(name) < len(items) else None
        else:
            msgspec.json.decode(text)
        if found is None:
            return None
        raw = found
    return None if bytes(raw) in (b"null", b'""') else raw


def _words_at(body: bytes, pointer: str) -> str:
    found = value_at(body, pointer)
    return "" if found is None else _words(found)


def _words(raw: msgspec.Raw) -> str:
    """A text as it is, anything else as it stands."""
    text = bytes(raw)
    return str(msgspec.json.decode(text)) if text.startswith(b'"') else text.decode("utf-8", "replace")
