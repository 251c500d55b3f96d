"""``GET /api/market``: every symbol's ticker in brief, for lists of tens of thousands of symbols.

Redis gives the names and the tickers, in commands short enough that the loop serves others between them. What was read
is good for 2 s and shared by all users; the whole answer is tagged and compressed once, on a thread. A user whose token
names symbols gets those rows cut out of it. While Redis is down the last answer is given, marked stale.
"""

import asyncio
import gzip
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from gateway.access.principal import Principal
from gateway.rest.cache import Cache
from gateway.rest.endpoint import Call, Operation
from gateway.rest.reply import Reply, etag_of
from gateway.rest.words import MarketAnswer
from gateway.stores.now import Now

__all__ = ["Market", "Tickers"]

TICKERS_IN_PAGE: Final = 250  # in one MGET; the client takes about 10 us for each
NAME_BYTES: Final = 100  # about what a name takes beside its row
DECODER: Final = msgspec.json.Decoder(MarketAnswer)
EXAMPLE: Final = [
    {
        "symbol": "BTC/USDT",
        "price": 64250.1,
        "changePercent": 0.7055,
        "volume": 1520.5301,
        "timestamp": 1767225600123,
        "sequence": 184467,
        "exchange": "BINANCE",
    },
    {
        "symbol": "NEW/USDT",
        "price": 0.0125,
        "changePercent": None,
        "volume": 20,
        "timestamp": 1767225600042,
        "sequence": 3,
        "exchange": "BINANCE",
    },
]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tickers:
    """All rows by name. Row i is ``body[starts[i] : starts[i + 1] - 1]``; ``packed``: the body by gzip."""

    symbols: Sequence[str]
    starts: Sequence[int]
    body: bytes
    packed: bytes
    etag: bytes

    @classmethod
    def of(cls, symbols: Sequence[str], rows: Sequence[bytes]) -> "Tickers":
        """Of equally many symbols and rows."""
        starts = array("Q", [1])
        for row in rows:
            starts.append(starts[-1] + len(row) + 1)
        body = b"[" + b",".join(rows) + b"]"
        return cls(symbols, starts, body, gzip.compress(body, 1, mtime=0), etag_of(body))

    @property
    def size_bytes(self) -> int:
        return len(self.body) + len(self.packed) + NAME_BYTES * len(self.symbols)

    def seen_by(self, principal: Principal) -> bytes:
        """The JSON array of those rows that ``principal`` may see."""
        starts = self.starts
        rows = (
            self.body[starts[row] : starts[row + 1] - 1]
            for row, symbol in enumerate(self.symbols)
            if principal.may_see(symbol)
        )
        return b"[" + b",".join(rows) + b"]"


class Market:
    """Handler of the list of all tickers."""

    def __init__(self, now: Now, cache: Cache[Tickers]) -> None:
        self._now = now
        self._cache = cache

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/market",
                self.answer,
                "getMarket",
                "prices",
                "Every symbol's ticker in brief",
                list[MarketAnswer],
                example=EXAMPLE,
                watched=True,
                headers=("X-Cache", "X-Stale", "Age"),
                tagged=True,
                description="By name, at most 2 s old. It is one request for the limit, however many symbols there "
                "are; ask for it by gzip.",
            ),
        )

    async def answer(self, call: Call) -> Reply:
        found = await self._cache.get("market", self.read)
        headers = [(b"x-cache", found.how.encode())]
        if found.how == "STALE":
            headers += ((b"x-stale", b"true"), (b"age", b"%d" % found.age_s))
        tickers = found.value
        if "*" in call.principal.symbols:
            return Reply(tickers.body, etag=tickers.etag, headers=headers, packed=tickers.packed)
        body = await asyncio.to_thread(tickers.seen_by, call.principal)
        return Reply(body, etag=etag_of(body), headers=headers)

    async def read(self) -> Tickers:
        """Every ticker as it is now; raises BreakerOpenError or NowUnavailableError."""
        symbols: list[str] = []
        rows: list[bytes] = []
        names = await self._now.names()
        for at in range(0, len(names), TICKERS_IN_PAGE):
            page = names[at : at + TICKERS_IN_PAGE]
            for symbol, ticker in zip(page, await self._now.tickers(page), strict=True):
                row = _row(symbol, ticker) if ticker is not None else None
                if row is not None:
                    symbols.append(symbol)
                    rows.append(row)
        return await asyncio.to_thread(Tickers.of, symbols, rows)


def _row(symbol: str, ticker: bytes) -> bytes | None:
    """None for what is no ticker, which is logged: one bad key takes the list from nobody."""
    try:
        return msgspec.json.encode(DECODER.decode(ticker))
    except msgspec.DecodeError as error:
        log.error("redis_value_refused", symbol=symbol, error=str(error))
        return None
