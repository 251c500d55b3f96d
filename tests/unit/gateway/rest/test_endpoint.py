"""What one endpoint lets in and answers, without a server."""

import asyncio
import dataclasses
import json
from typing import Any

import msgspec
import pytest

from gateway.access.addresses import AddressRule
from gateway.access.origins import OriginRule
from gateway.access.principal import Principal, TokenRefused
from gateway.rest.endpoint import Call, Doors, Endpoint, Operation
from gateway.rest.health import Check, Health
from gateway.rest.metrics import RestMetrics
from gateway.rest.reply import Reply
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import HistoryDefectError, HistoryUnavailableError

BASIC = (b"authorization", b"Basic dTpw")


def verify(token: str | None) -> Principal:
    if token != "good":
        raise TokenRefused("no")
    return Principal("u", ("*",))


def ask(operation: Operation, *headers: tuple[bytes, bytes], is_open: bool = False) -> tuple[int, dict[str, Any]]:
    """Status and body of one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    origins = OriginRule((), is_open)
    doors: Any = Doors(verify, is_open, None, RestMetrics(), origins, AddressRule())  # type: ignore[arg-type]
    scope = {"headers": list(headers), "method": operation.method, "query_string": b"", "path_params": {}}
    asyncio.run(Endpoint({operation.method: operation}, doors)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def operation(*, public: bool, fails: Exception | None = None) -> Operation:
    async def handler(call: Call) -> Reply:
        if fails is not None:
            raise fails
        return Reply(json.dumps({"user": call.principal.user_id}).encode())

    return Operation("GET", "/x", handler, "getX", "x", "", public=public, limited=False)


@pytest.mark.parametrize("scheme", [b"Basic dTpw", b"Digest x", b"", b"Bearer nonsense", b"Bearer good"])
def test_public_pages_take_no_notice_of_credentials(scheme: bytes) -> None:
    assert ask(operation(public=True), (b"authorization", scheme)) == (200, {"user": ""})


def test_elsewhere_only_bearer_tokens_do() -> None:
    private = operation(public=False)
    assert ask(private, BASIC)[1]["message"] == "Authorization must be a Bearer token"
    assert ask(private, (b"authorization", b"Bearer bad"))[0] == 401
    assert ask(private, (b"authorization", b"bearer good")) == (200, {"user": "u"})


class Body(msgspec.Struct):
    pass


JSON = (b"content-type", b"application/json; charset=utf-8")
HERE = (b"host", b"127.0.0.1:8080")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((HERE, JSON), 200),
        ((HERE, JSON, (b"origin", b"http://localhost:3000")), 200),
        ((HERE, JSON, (b"origin", b"https://evil.example")), 403),
        ((HERE, JSON, (b"origin", b"null")), 403),
        ((HERE, (b"content-type", b"text/plain")), 400),
        ((HERE,), 400),
    ],
)
def test_a_page_elsewhere_cannot_write_to_an_open_gateway(
    headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    writing = dataclasses.replace(operation(public=True), method="POST", body=Body)
    assert ask(writing, *headers, is_open=True)[0] == status


def test_with_a_token_the_origin_counts_and_any_content_type_does() -> None:
    writing = dataclasses.replace(operation(public=False), method="POST", body=Body)
    bearer = (b"authorization", b"Bearer good")
    assert ask(writing, bearer, HERE)[0] == 200
    status, body = ask(writing, bearer, HERE, (b"origin", b"https://evil.example"))
    assert (status, "TAPEFLOW_GATEWAY_ORIGINS" in body["message"]) == (403, True)


@pytest.mark.parametrize(
    ("origin", "is_open", "status"),
    [
        (b"http://127.0.0.1:8080", False, 200),
        (b"https://evil.example", False, 403),
        (b"null", False, 403),
        (b"http://localhost:3000", False, 403),
        (b"http://localhost:3000", True, 200),
        (b"https://evil.example", True, 403),
        (b"null", True, 403),
    ],
)
def test_a_page_that_is_not_allowed_is_told_the_setting(origin: bytes, is_open: bool, status: int) -> None:
    headers = (HERE, (b"origin", origin), (b"authorization", b"Bearer good"))
    found, body = ask(operation(public=False), *headers, is_open=is_open)
    assert (found, "TAPEFLOW_GATEWAY_ORIGINS" in body.get("message", "")) == (status, status == 403)
    assert ask(operation(public=True), *headers, is_open=is_open)[0] == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (HistoryUnavailableError("refused by the server (code 497)"), 503, "SERVICE_UNAVAILABLE"),
        (HistoryDefectError("code 62"), 500, "INTERNAL_ERROR"),
    ],
)
def test_history_that_is_set_up_wrongly_is_unavailable(error: Exception, status: int, code: str) -> None:
    found = ask(operation(public=False, fails=error), (b"authorization", b"Bearer good"))
    assert (found[0], found[1]["error"]) == (status, code)
    assert "code" not in found[1]["message"]


def test_a_query_that_fails_leaves_the_gateway_degraded_not_broken() -> None:
    async def ping() -> None:
        raise HistoryDefectError("the query fails on the server (code 62)")

    check = Check(ping, needed=False, breaker=CircuitBreaker("c"))
    health = Health({"clickhouse": check}, None, RestMetrics())  # type: ignore[arg-type]
    ready = next(each for each in health.operations() if each.path == "/health/ready")
    status, body = ask(ready, BASIC)
    assert (status, body["status"]) == (200, "degraded")
    assert body["dependencies"]["clickhouse"]["error"] == "the query fails on the server"


def test_readiness_is_asked_once_a_second_and_tells_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    clock_s = 100.0
    monkeypatch.setattr("gateway.rest.health.time.monotonic", lambda: clock_s)

    async def ping() -> None:
        nonlocal asked
        asked += 1
        raise HistoryUnavailableError("connecting to secret-host.internal:9000: refused")

    health = Health({"clickhouse": Check(ping, needed=False)}, None, RestMetrics())  # type: ignore[arg-type]

    async def story() -> None:
        nonlocal clock_s
        answers = await asyncio.gather(*(health.ready(None) for _ in range(50)))  # type: ignore[arg-type]
        assert asked == 1
        assert all(b"secret-host" not in each.body and b"not reachable" in each.body for each in answers)
        await health.ready(None)  # type: ignore[arg-type]
        assert asked == 1
        clock_s += 1.0
        await health.ready(None)  # type: ignore[arg-type]
        assert asked == 2

    asyncio.run(story())
