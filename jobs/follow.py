"""A client of ``/ws/prices``: follows symbols through snapshots, deltas, gaps and reconnects, and keeps their state.

``tapeflow watch`` shows what it holds, the demo compares it with Redis, the bench times its messages. A delta is
applied only to the sequence that it names. Any other is counted as a gap, and the symbol is asked for anew from the
last sequence held. A closed connection is opened again and every symbol resumed; only a refusal (4001, 4003) or a
gateway that was never there is an error. Numbers stay decimals.
"""

import asyncio
import json
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from schemas.errors import SettingError, Unreachable

__all__ = ["Followed", "Follower"]

PATH: Final = "/ws/prices"
CHUNK: Final = 200  # symbols in one message: far below the 64 KiB that a gateway reads
RETRY_S: Final = (0.1, 5.0)
AGES_KEPT: Final = 256
REFUSED: Final = {4001: "the token is missing, bad or expired", 4003: "this origin or role is not allowed"}
ADVICE: Final = re.compile(r"reconnect in (\d+) ms")


class _NotTold(Exception):
    """``on_message`` couldn't write; its error is the cause."""


@dataclass
class Followed:
    """One symbol. ``fields``: of the last snapshot and every delta since; ``ages_ms``: arrival less event time."""

    fields: dict[str, Any] = field(default_factory=dict)
    sequence: int = -1
    snapshots: int = 0
    deltas: int = 0
    gaps: int = 0
    ages_ms: deque[float] = field(default_factory=lambda: deque(maxlen=AGES_KEPT))


class Follower:
    """``url`` as ws://host:port. ``on_message`` sees every message after it was applied, with the time in ms."""

    def __init__(
        self,
        url: str,
        symbols: Iterable[str] = (),
        token: str = "",
        on_message: Callable[[Mapping[str, Any], float], object] = lambda _message, _now_ms: None,
    ) -> None:
        self.url = url.rstrip("/") + ("" if urlsplit(url).path.strip("/") else PATH)
        self.symbols = {symbol: Followed() for symbol in symbols}
        self.connects = self.messages = 0
        self.problems: deque[str] = deque(maxlen=3)
        self._token = token
        self.on_message = on_message
        self._connection: ClientConnection | None = None

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @property
    def round_trip_ms(self) -> float:
        """Of the last ping; 0 before the first answer."""
        return self._connection.latency * 1000 if self._connection else 0.0

    @property
    def gaps(self) -> int:
        return sum(each.gaps for each in self.symbols.values())

    async def add(self, symbols: Iterable[str]) -> None:
        """Follow these too."""
        new = [symbol for symbol in symbols if symbol not in self.symbols]
        self.symbols |= {symbol: Followed() for symbol in new}
        if new and self._connection is not None:
            await self._subscribe(self._connection, new)

    async def run(self) -> None:
        """Follow until cancelled. Raises SettingError when refused, Unreachable when the first connect fails, and what
        ``on_message`` raises."""
        failures = 0
        while True:
            advised_s = 0.0
            try:
                async with connect(self.url, **self._options()) as connection:
                    failures = 0
                    await self._follow(connection)
            except _NotTold as failed:
                raise failed.__cause__ or failed from None
            except ConnectionClosed as closed:
                advised_s = self._closed(closed)
            except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
                if not self.connects:
                    raise Unreachable(
                        "no gateway answers", where=self.url, mend=f"start it: tapeflow gateway ({error})"
                    ) from error
            finally:
                self._connection = None
            failures += 1
            longest_s = min(RETRY_S[0] * 2**failures, RETRY_S[1])
            await asyncio.sleep(advised_s or random.uniform(RETRY_S[0], longest_s))  # noqa: S311 - spreads reconnects

    def take(self, message: Mapping[str, Any], now_ms: float) -> str:
        """Apply one message; gives the symbol that has to be asked for anew, or nothing."""
        self.messages += 1
        kind = message.get("type")
        if kind == "error":
            self.problems.append(f"{message.get('code')}: {message.get('message')}")
        followed = self.symbols.get(str(message.get("symbol")))
        if followed is None or kind not in ("snapshot", "delta"):
            return ""
        if kind == "delta" and message["previous"] != followed.sequence:
            followed.gaps += 1
            return str(message["symbol"])
        changed = {name: value for name, value in message.items() if name not in ("type", "previous")}
        followed.fields = {**(followed.fields if kind == "delta" else {}), **changed}
        followed.sequence = message["sequence"]
        followed.snapshots += kind == "snapshot"
        followed.deltas += kind == "delta"
        followed.ages_ms.append(now_ms - message["timestamp"])
        return ""

    async def _follow(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.connects += 1
        await self._subscribe(connection, list(self.symbols))
        async for text in connection:
            now_ms = time.time() * 1000
            message = json.loads(text, parse_float=Decimal)
            lost = self.take(message, now_ms)
            self._tell(message, now_ms)
            if lost:
                await self._subscribe(connection, [lost])

    def _tell(self, message: Mapping[str, Any], now_ms: float) -> None:
        try:
            self.on_message(message, now_ms)
        except OSError as error:  # of who is told, not of the connection
            raise _NotTold from error

    async def _subscribe(self, connection: ClientConnection, symbols: list[str]) -> None:
        for chunk in (symbols[at : at + CHUNK] for at in range(0, len(symbols), CHUNK)):
            since = {each: self.symbols[each].sequence for each in chunk if self.symbols[each].sequence >= 0}
            words = {"type": "subscribe", "symbols": chunk, **({"since": since} if since else {})}
            await connection.send(json.dumps(words))

    def _options(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        local = urlsplit(self.url).hostname in ("127.0.0.1", "::1", "localhost")
        return {
            "additional_headers": headers,
            "max_size": None,
            "ping_interval": 5,
            "ping_timeout": 20,
            **({"proxy": None} if local else {}),
        }

    def _closed(self, closed: ConnectionClosed) -> float:
        """Seconds that the gateway asked to wait, 0 for its own choice."""
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        if code in REFUSED:
            raise SettingError(
                f"the gateway refused: {reason or REFUSED[code]}", where=f"close code {code}", mend="see tapeflow token"
            ) from None
        self.problems.append(f"connection closed with {code} {reason}".strip())
        advice = ADVICE.search(reason)
        return int(advice[1]) / 1000 if advice else 0.0
