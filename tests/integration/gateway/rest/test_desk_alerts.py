"""Alerts over a real gateway: found, acknowledged by role, once in the stream whatever is asked again."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from flows.homes_step import two_partitions_alert
from schemas.alert_states import OPEN, RESOLVED
from schemas.desk import DeskAlert
from sinks.clickhouse.alerts import AlertsSink
from sinks.desk_alerts import DeskAlertSink
from tests.integration.gateway.desk_market import clear_desk
from tests.integration.gateway.rest_server import Market, RestServer

ROLES = {"alerts": ("dealer", "viewer"), "exposure-updates": ("dealer",)}
ALERT = DeskAlert("lp:A/B:silent:0-7", OPEN, 1_767_225_600_123_000, "error", "lp", "t", "m", "analytics", ("Look",))
PATH = "/api/alerts/" + quote(ALERT.id, safe="")


@pytest.fixture(scope="module")
def desk(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    roles = {"gateway_channel_roles": ROLES, "gateway_acknowledge_roles": ("dealer",)}
    with RestServer(tmp_path_factory.mktemp("rest"), **market.settings(), **roles) as server:
        yield server


@pytest.fixture
def clean(market: Market) -> Iterator[Market]:
    clear_desk(market.dsn, market.database)
    market.redis.delete("md:events", "md:alerts-sent")
    yield market
    market.redis.delete("md:events", "md:alerts-sent")


def put(market: Market, *alerts: DeskAlert) -> None:
    """As the flow does it."""
    sink = DeskAlertSink(market.dsn, market.database, market.redis_url, 1, stop=threading.Event())
    part = sink.build_part("alerts", "0", None)
    part.write_batch([list(alerts)])
    part.snapshot()
    part.close()


def told(market: Market) -> list[dict[str, Any]]:
    entries: Any = market.redis.xrange("md:events")
    return [json.loads(fields[b"data"]) for _, fields in entries if fields[b"type"] == b"alert"]


def test_an_alert_is_read_and_acknowledged_once(desk: RestServer, clean: Market) -> None:
    put(clean, ALERT)
    dealer, viewer = desk.token("anna", role="dealer"), desk.token("bert", role="viewer")
    shown = {
        "id": ALERT.id, "timestamp": 1_767_225_600_123, "severity": "error", "category": "lp", "title": "t",
        "message": "m", "source": "analytics", "actionItems": ["Look"], "state": "open",
        "stateSince": 1_767_225_600_123, "stateBy": "",
    }  # fmt: skip
    assert desk.get(PATH, token=viewer).json() == shown
    assert desk.get("/api/alerts", token=viewer).json() == [shown]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(desk.ask, "POST", f"{PATH}/acknowledge", token=dealer) for _ in range(4)]
        answers = [each.result() for each in asked]
    assert [each.status for each in answers] == [200] * 4
    other = desk.ask("POST", f"{PATH}/acknowledge", token=desk.token("carl", role="dealer")).json()
    assert (other["state"], other["stateBy"]) == ("acknowledged", "anna")
    assert other == desk.get(PATH, token=viewer).json()
    assert other == {**shown, "state": "acknowledged", "stateBy": "anna", "stateSince": other["stateSince"]}
    opened, said = told(clean)
    assert (opened["state"], opened["basis"]) == ("open", "log")
    assert said == {**opened, "state": "acknowledged", "basis": "user", "by": "anna"}
    put(clean, ALERT, ALERT._replace(state=RESOLVED, time_us=ALERT.time_us + 1_000_000))
    ended = desk.ask("POST", f"{PATH}/acknowledge", token=dealer)
    assert (ended.status, ended.json()["state"], ended.json()["stateBy"]) == (200, "resolved", "analytics")
    assert [each["state"] for each in told(clean)] == ["open", "acknowledged", "resolved"]


def test_what_was_written_down_is_told_by_the_next_who_asks(desk: RestServer, clean: Market) -> None:
    put(clean, ALERT)
    token = desk.token("anna", role="dealer")
    assert desk.ask("POST", f"{PATH}/acknowledge", token=token).status == 200
    clean.redis.delete("md:events", "md:alerts-sent")  # as if the gateway had died between the two
    assert desk.ask("POST", f"{PATH}/acknowledge", token=token).status == 200
    assert [(each["state"], each["by"]) for each in told(clean)] == [("acknowledged", "anna")]


def test_roles_decide(desk: RestServer, clean: Market) -> None:
    put(clean, ALERT)
    refused = desk.ask("POST", f"{PATH}/acknowledge", token=desk.token("bert", role="viewer"))
    assert (refused.status, refused.json()["error"]) == (403, "FORBIDDEN")
    assert refused.json()["message"] == "The token's role may not acknowledge alerts"
    assert refused.json()["details"] == {"role": "viewer"}
    outside = desk.token("emil", role="trader")
    for method, path in (("GET", "/api/alerts"), ("GET", PATH), ("POST", f"{PATH}/acknowledge")):
        answer = desk.ask(method, path, token=outside)
        assert (answer.status, answer.json()["message"]) == (403, "The token's role may not join alerts")
    assert desk.get(PATH, token=desk.token("anna", role="dealer")).json()["state"] == "open"
    assert len(told(clean)) == 1


def test_filters_and_pages(desk: RestServer, clean: Market) -> None:
    alerts = [ALERT._replace(id=f"n{at}", time_us=ALERT.time_us + at * 1_000_000) for at in range(5)]
    put(clean, *alerts, alerts[2]._replace(state=RESOLVED))
    token = desk.token("anna", role="dealer")

    def ids(query: str) -> list[str]:
        answer = desk.get(f"/api/alerts?{query}", token=token)
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.json()]

    assert ids("") == ["n4", "n3", "n2", "n1", "n0"]
    assert ids("order=asc&limit=2") == ["n3", "n4"]
    assert ids("state=resolved") == ["n2"]
    assert ids("state=open,acknowledged&severity=error&category=lp&source=analytics&limit=2") == ["n4", "n3"]
    assert ids(f"startTime={1_767_225_602_123}&order=asc&limit=2") == ["n2", "n3"]
    assert ids(f"endTime={1_767_225_601_122}") == ["n0"]
    page = desk.get("/api/alerts?limit=3&severity=error", token=token)
    cursor = page.headers["x-next-cursor"]
    assert ids(f"limit=3&severity=error&cursor={cursor}") == ["n1", "n0"]
    assert page.headers["link"] == f'</api/alerts?limit=3&severity=error&cursor={cursor}>; rel="next"'
    for wrong in ("state=closed", "cursor=x", "colour=red", "startTime=1705600000"):
        assert desk.get(f"/api/alerts?{wrong}", token=token).status == 400, wrong
    missing = desk.get("/api/alerts/nobody", token=token)
    assert (missing.status, missing.json()["error"]) == (404, "NOT_FOUND")
    assert desk.ask("POST", "/api/alerts/nobody/acknowledge", token=token).status == 404


def test_alerts_about_a_symbol_are_for_those_who_may_see_it(desk: RestServer, clean: Market) -> None:
    about = ALERT._replace(id="trades:gaps:0-7:A/B", category="trades", symbols=("A/B",))
    put(clean, ALERT, about)
    path = "/api/alerts/" + quote(about.id, safe="")
    everything, narrow = desk.token("anna", role="dealer"), desk.token("bert", role="dealer", symbols=("C/*",))
    assert len(desk.get("/api/alerts", token=everything).json()) == 2
    assert [each["id"] for each in desk.get("/api/alerts", token=narrow).json()] == [ALERT.id]
    assert desk.get(path, token=narrow).status == desk.ask("POST", f"{path}/acknowledge", token=narrow).status == 403
    assert desk.ask("POST", f"{path}/acknowledge", token=everything).status == 200
    entries: Any = clean.redis.xrange("md:events")
    assert [fields.get(b"symbols", b"") for _, fields in entries] == [b"", b"A/B", b"A/B"]


def test_without_tokens_everybody_may(market: Market, clean: Market, tmp_path_factory: pytest.TempPathFactory) -> None:
    put(clean, ALERT)
    open_settings = {**market.settings(), "gateway_token_secret": ""}
    with RestServer(tmp_path_factory.mktemp("rest"), **open_settings) as server:
        assert server.ask("POST", f"{PATH}/acknowledge").json()["stateBy"] == "anonymous"


def test_a_symbol_in_two_partitions_is_found_when_the_stream_has_forgotten_it(desk: RestServer, clean: Market) -> None:
    alert = two_partitions_alert("A/B", {0: 1_767_225_600_000_000, 2: ALERT.time_us})
    part = AlertsSink(clean.dsn, clean.database, 1).build_part("alerts", "00000", None)
    part.write_batch([[alert]])
    part.snapshot()
    part.close()
    assert told(clean) == []
    (found,) = desk.get("/api/alerts?category=data-quality", token=desk.token("anna", role="dealer")).json()
    assert (found["id"], found["timestamp"], found["state"]) == ("two-partitions:A/B", 1_767_225_600_123, "open")
    assert found["message"] == "A/B has trades in partitions 0, 2: its bars lack trades"
    blind = desk.token("bert", role="viewer", symbols=["C*"])
    assert desk.get("/api/alerts", token=blind).json() == []
    path = "/api/alerts/" + quote(alert.id, safe="")
    assert desk.get(path, token=blind).status == 403
    answer = desk.ask("POST", f"{path}/acknowledge", token=desk.token("anna", role="dealer"))
    assert (answer.status, answer.json()["state"]) == (200, "acknowledged")
    (said,) = told(clean)
    assert (said["symbols"], said["by"]) == (["A/B"], "anna")
