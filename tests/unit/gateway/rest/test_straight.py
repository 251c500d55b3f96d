"""What is at hand is answered as the application answers it; all else is left to the application."""

import asyncio
import re
import socket
import time
from functools import cache
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.access.auth import make_token
from gateway.port.handover import Passed
from gateway.rest.app import create_app
from gateway.rest.prices import Price
from gateway.rest.reply import WHOLE
from gateway.rest.server import BoundedHttp, RestServer
from gateway.rest.straight import Straight
from runtime.settings.whole import Settings

SETTINGS = Settings(
    gateway_token_secret="secret-secret-secret-secret-secret-",
    gateway_requests_per_minute=0,
    gateway_address_requests=0,
    gateway_price_cache_ms=60_000,
)
PRICE = Price(b'{"symbol":"BTC/USDT","price":1.50}', b'W/"tag"', live=True)
TARGET = b"/api/prices/BTC%2FUSDT"
PEER = "192.0.2.7"
NAMED = (b"x-request-id", b"mine-1")
Given = list[tuple[bytes, bytes]]


def bearer(*symbols: str, lifetime_s: int = 3600) -> tuple[bytes, bytes]:
    token = make_token(SETTINGS, "u", symbols=symbols, lifetime_s=lifetime_s)
    return b"authorization", b"Bearer " + token.encode()


EVERYTHING = bearer("*")


@cache
def app_with(price: Price = PRICE, per_minute: int = 0) -> Starlette:
    """The application, with a price in its cache and no store behind it."""
    app = create_app(SETTINGS.model_copy(update={"gateway_requests_per_minute": per_minute}))

    async def load() -> Price:
        return price

    asyncio.run(app.state.parts.caches.prices.get("BTC/USDT", load))
    return app


def answer_of(app: Any, given: Given, target: bytes = TARGET, **extensions: Any) -> tuple[int, Given, bytes]:
    """What the application sends by ASGI's messages."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    path, _, query = target.decode().replace("%2F", "/").replace("%0A", "\n").partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "client": (PEER, 1)}
    asyncio.run(app({**scope, "headers": given, "extensions": extensions}, receive, send))
    return sent[0]["status"], sent[0]["headers"], sent[1]["body"]


def untimed(body: bytes) -> bytes:
    return re.sub(rb'"timestamp":\d+', b"", body)


@pytest.mark.parametrize(
    "more",
    [
        [],
        [(b"if-none-match", b'"tag"')],
        [(b"if-none-match", b"*")],
        [(b"accept-encoding", b"gzip")],
        [(b"host", b"x")],
    ],
)
@pytest.mark.parametrize("symbols", [("*",), ("BTC/USDT",), ("BTC*", "X")])
def test_it_is_the_very_same_answer(more: Given, symbols: tuple[str, ...]) -> None:
    app = app_with()
    given = [bearer(*symbols), NAMED, *more]
    found = Straight(app).at_hand(TARGET, given, PEER)
    assert found is not None
    assert (b"x-cache", b"HIT") in found.headers
    assert tuple(found) == answer_of(app, given) == answer_of(Straight(app), given)
    whole: list[tuple[int, Given, bytes]] = []
    with pytest.raises(IndexError):  # as no message is left to be sent
        answer_of(Straight(app), given, **{WHOLE: lambda *parts: whole.append(parts) or True})
    assert whole == [tuple(found)]


@pytest.mark.parametrize(
    "more",
    [
        [(b"origin", b"https://x.example")],
        [(b"content-length", b"1")],
        [(b"transfer-encoding", b"chunked")],
        [(b"expect", b"100-continue")],
        [(b"upgrade", b"h2c")],
    ],
)
def test_requests_with_more_to_them_are_left_to_the_application(more: Given) -> None:
    assert Straight(app_with()).at_hand(TARGET, [EVERYTHING, *more], PEER) is None


@pytest.mark.parametrize(
    ("target", "given", "status"),
    [
        (TARGET, [], 401),
        (TARGET, [(b"authorization", b"Bearer x")], 401),
        (TARGET, [(b"authorization", b"Basic dTpw")], 401),
        (TARGET, [bearer("*", lifetime_s=-1)], 401),
        (TARGET + b"?x=1", [EVERYTHING], 400),
        (b"/api/prices/%0A", [EVERYTHING], 400),
        (b"/api/other/BTC%2FUSDT", [EVERYTHING], 404),
    ],
)
def test_what_is_refused_is_refused_by_the_application(target: bytes, given: Given, status: int) -> None:
    app = app_with()
    assert Straight(app).at_hand(target, given, PEER) is None
    assert answer_of(app, given, target)[0] == answer_of(Straight(app), given, target)[0] == status


def test_a_limit_that_has_to_be_asked_for_and_a_body_to_pack_are_not_at_hand() -> None:
    for app in (app_with(per_minute=5), app_with(Price(bytes(5_000), PRICE.etag, live=True))):
        assert Straight(app).at_hand(TARGET, [EVERYTHING], PEER) is None


@pytest.mark.parametrize(
    ("target", "token", "live", "status"),
    [
        (TARGET, EVERYTHING, False, 200),
        (TARGET, bearer("ETH*"), True, 403),
        (b"/api/prices/", EVERYTHING, True, 400),
        (b"/api/prices/ETH", EVERYTHING, True, 503),
    ],
    ids=["stale", "not allowed", "no symbol", "no store"],
)
def test_what_the_handler_has_to_be_asked_for_is_the_very_same_answer(
    target: bytes, token: tuple[bytes, bytes], live: bool, status: int
) -> None:
    app, given = app_with(Price(PRICE.body, PRICE.etag, live=live)), [token, NAMED]
    later = Straight(app).at_hand(target, given, PEER)
    assert asyncio.iscoroutine(later)
    found = asyncio.run(later)
    assert found is not None
    assert found.status == status
    theirs, same = answer_of(app, given, target), answer_of(Straight(app), given, target)
    assert tuple(found)[:2] == theirs[:2] == same[:2]
    assert untimed(found.body) == untimed(theirs[2]) == untimed(same[2])


def test_a_defect_is_left_to_the_application_which_answers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_with()
    monkeypatch.setattr(app.state.parts.caches.prices, "fresh", None)
    assert Straight(app).at_hand(TARGET, [EVERYTHING], PEER) is None
    assert answer_of(Straight(app), [EVERYTHING])[0] == 500


def test_a_token_that_ends_is_no_longer_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    straight, given = Straight(app_with()), [bearer("*", lifetime_s=60)]
    assert straight.at_hand(TARGET, given, PEER) is not None
    ends_s = time.time() + 61
    monkeypatch.setattr(straight._app.state.parts.authorizer, "_clock", lambda: ends_s)
    assert straight.at_hand(TARGET, given, PEER) is None


class Transport:
    """The other end of a connection that takes everything."""

    def __init__(self) -> None:
        self.answers = 0
        self.third = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.answers += data.count(b"HTTP/1.1 200 OK")
        if self.answers == 3:
            self.third.set()

    def abort(self) -> None:
        """Nothing is to be cut."""

    def get_extra_info(self, name: str) -> None:
        """Nothing is known of it."""

    def is_closing(self) -> bool:
        return False


def test_a_connection_is_idle_only_when_each_of_its_requests_has_its_answer() -> None:
    given, other = socket.socketpair()

    async def story() -> None:
        server = RestServer(Straight(app_with()), given, 10, lambda: None)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        connection, transport = BoundedHttp(server, Passed(PEER, 1, secure=False, head=b"")), Transport()
        connection.connection_made(transport)  # type: ignore[arg-type]
        at_hand = b"GET %b HTTP/1.1\r\nhost: x\r\n%b: %b\r\n\r\n" % (TARGET, *EVERYTHING)
        waits = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
        connection.data_received(at_hand)
        assert transport.answers == 1
        assert server.idle.take_oldest() is connection
        connection.data_received(at_hand + waits)
        assert transport.answers == 2, "the other has a task"
        assert server.idle.take_oldest() is None
        await asyncio.wait_for(transport.third.wait(), 20)
        assert server.idle.take_oldest() is connection
        connection.data_received(at_hand + waits[:9])
        assert (server.idle.take_oldest(), server.late.take_oldest()) == (None, connection)
        server.idle.stop()
        server.late.stop()

    with given, other:
        asyncio.run(story())
