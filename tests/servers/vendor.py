"""A vendor of quotes on this machine: one answer after the other for each symbol, and who was asked for when.

Its forms are those of the vendors' documentation. It runs in the event loop of its test; the last answer of a symbol
is given again and again.
"""

import asyncio
import time
from collections import defaultdict, deque
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from tests.servers.venue import LOGGER, Answer, status

__all__ = ["ALPHA_VANTAGE", "TWELVE_DATA_PRICE", "TWELVE_DATA_QUOTE", "ScriptedVendor"]

ALPHA_VANTAGE = """{
    "Global Quote": {
        "01. symbol": "%s",
        "02. open": "188.9600",
        "03. high": "190.2300",
        "04. low": "188.1200",
        "05. price": "%s",
        "06. volume": "3432174",
        "07. latest trading day": "2026-11-27",
        "08. previous close": "188.6700",
        "09. change": "1.2300",
        "10. change percent": "0.6519%%"
    }
}"""
TWELVE_DATA_PRICE = '{"price":"%s"}'
TWELVE_DATA_QUOTE = (
    '{"symbol":"%s","name":"Apple Inc","exchange":"NASDAQ","mic_code":"XNAS","currency":"USD",'
    '"datetime":"2026-11-27","timestamp":1795786200,"last_quote_at":1795791540,"open":"148.44","close":"%s",'
    '"volume":"67903927","is_market_open":false,"fifty_two_week":{"low":"103.1","high":"157.26"}}'
)


class ScriptedVendor:
    """``answers``: by symbol; ``asked``: symbol and second of each question, ``paths`` as they came."""

    addresses = ""

    def __init__(self) -> None:
        self.answers: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self.asked: list[tuple[str, float]] = []
        self.paths: list[str] = []
        self._server: Server | None = None
        self._port = 0

    @property
    def place(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def say(self, symbol: str, *answers: str | Answer) -> None:
        """Next, one after the other."""
        self.answers[symbol].extend(status(200, each) if isinstance(each, str) else each for each in answers)

    def count(self, symbol: str) -> int:
        return sum(each == symbol for each, _ in self.asked)

    async def __aenter__(self) -> Self:
        self._server = await serve(self._nothing, "127.0.0.1", self._port, process_request=self._request, logger=LOGGER)
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _nothing(self, connection: ServerConnection) -> None:
        await asyncio.sleep(0)

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        (symbol,) = parse_qs(urlsplit(request.path).query)["symbol"]
        self.asked.append((symbol, time.monotonic()))
        self.paths.append(request.path)
        answers = self.answers[symbol]
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        return answer(connection)
