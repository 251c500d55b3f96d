"""A WebSocket client of several gateways that resumes as docs/gateway.md says, and counts what it is told.

Losing one gateway it goes to the next, after the pause that it was asked for, with the sequences that it holds. It
checks ``previous`` of each delta, so that one which was skipped is counted among ``gaps``.
"""

import asyncio
import json
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

__all__ = ["ResumingClient"]


@dataclass
class ResumingClient:
    """``since``: the sequence held of each symbol; ``away_s``: from losing one gateway to the first message again.

    ``aways_s``: each time that it was away, with the pause that a gateway which stops asks for. ``token``: where
    gateways want one.
    """

    symbols: list[str]
    token: str = ""
    since: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    lost_s: float = 0.0
    away_s: float = 0.0
    aways_s: list[float] = field(default_factory=list)

    async def run(self, urls: list[str]) -> None:
        """Follows the first gateway that lets it in, until cancelled."""
        path = f"/ws/prices?token={self.token}" if self.token else "/ws/prices"
        while True:
            for url in urls:
                opened: ClientConnection | None = None
                with suppress(OSError, WebSocketException, TimeoutError):
                    async with connect(url + path, proxy=None, compression=None, open_timeout=30) as connection:
                        opened = connection
                        await self._follow(connection)
                self.lost_s = self.lost_s or time.monotonic()
                if opened is not None:
                    self.counts[f"closed {opened.close_code}"] += 1
                    if told := re.search(r"reconnect in (\d+) ms", opened.close_reason or ""):
                        await asyncio.sleep(int(told[1]) / 1000)
            await asyncio.sleep(0.05)

    async def _follow(self, connection: ClientConnection) -> None:
        words = {"type": "subscribe", "symbols": self.symbols, "since": self.since}
        await connection.send(json.dumps(words))
        async for text in connection:
            message = json.loads(text)
            symbol, kind = message["symbol"], message["type"]
            if self.lost_s and not self.away_s:
                self.away_s = time.monotonic() - self.lost_s
                self.aways_s.append(self.away_s)
            if kind == "delta" and message["previous"] != self.since.get(symbol):
                self.counts["gaps"] += 1
            if kind == "snapshot" and self.lost_s:
                self.counts["snapshots after the kill"] += 1
            if message["sequence"] <= self.since.get(symbol, -1):
                self.counts["back in order"] += 1
            self.counts[kind] += 1
            self.since[symbol] = message["sequence"]
