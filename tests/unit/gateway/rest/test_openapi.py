"""The document is whole: every operation described, every example true to its schema, the page self-contained."""

import json
import re
from html import escape
from pathlib import Path

import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # here, where no thread runs that might compile too
from jsonschema_rs import ValidationError, validator_for

from gateway.rest.app import create_app
from gateway.rest.asyncapi import make_asyncapi
from gateway.rest.docs_page import make_page
from gateway.stores.events import EventId, gap_frame
from runtime.settings.whole import Settings
from schemas.channels import EVENT_TYPES


@pytest.fixture(scope="module")
def document() -> dict:
    import msgspec
    from starlette.routing import Route

    routes = {route.path: route for route in create_app(Settings()).routes if isinstance(route, Route)}
    operation = routes["/openapi.json"].endpoint._operations["GET"]
    import asyncio

    return msgspec.json.decode(asyncio.run(operation.handler(None)).body)


def operations(document: dict) -> list[tuple[str, str, dict]]:
    return [(path, method, op) for path, each in document["paths"].items() for method, op in each.items()]


def test_every_path_of_the_contract_is_there(document: dict) -> None:
    assert {f"{method} {path}" for path, method, _ in operations(document)} == {
        "get /api/prices/{symbol}",
        "get /api/prices",
        "get /api/market",
        "get /api/ohlc/{symbol}",
        "get /api/quotes/{symbol}",
        "get /api/historical/{symbol}",
        "get /api/trades/{symbol}",
        "get /api/stats/{symbol}",
        "get /api/symbols",
        "get /api/events",
        "get /api/watchlists",
        "post /api/watchlists",
        "get /api/watchlists/{id}",
        "put /api/watchlists/{id}",
        "delete /api/watchlists/{id}",
        "get /api/reports",
        "post /api/reports",
        "get /api/reports/{id}",
        "delete /api/reports/{id}",
        "get /api/reports/{id}/result",
        "get /api/alert-rules",
        "post /api/alert-rules",
        "post /api/alert-rules/preview",
        "get /api/alert-rules/{id}",
        "put /api/alert-rules/{id}",
        "delete /api/alert-rules/{id}",
        "get /api/price-alerts",
        "get /api/analytics/routing",
        "get /api/analytics/lp",
        "get /api/analytics/exposure",
        "get /api/alerts",
        "get /api/alerts/{alert}",
        "post /api/alerts/{alert}/acknowledge",
        "get /health",
        "get /health/ready",
        "get /health/ws-stats",
        "get /health/flows",
        "get /metrics",
        "get /api/about",
    }
    assert document["openapi"].startswith("3.1")


def test_every_example_fits_its_schema(document: dict) -> None:
    checked = 0
    for path, method, op in operations(document):
        for status, answer in op["responses"].items():
            for content in answer.get("content", {}).values():
                schema = {**content["schema"], "components": document["components"]}
                named = [each["value"] for each in content.get("examples", {}).values()]
                for example in [content["example"]] if "example" in content else named:
                    errors = [str(error) for error in validator_for(schema).iter_errors(example)]
                    assert not errors, (path, method, status, errors)
                    checked += 1
    assert checked > 50


def test_the_document_is_valid_openapi_and_every_reference_leads_somewhere(document: dict) -> None:
    schemathesis.openapi.from_dict(document).validate()
    for path in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        target = document
        for part in path.split("/"):
            target = target[part]


def test_the_library_would_say_what_is_wrong(document: dict) -> None:
    broken = json.loads(json.dumps(document))
    del broken["paths"]["/health"]["get"]["responses"]["200"]["description"]
    with pytest.raises(ValidationError, match="description"):
        schemathesis.openapi.from_dict(broken).validate()


def test_what_is_refused_before_it_is_read_is_described(document: dict) -> None:
    """The server's own refusals, which no operation makes."""
    folder = Path(__file__).parents[4] / "gateway"
    said = re.findall(r'HTTP/1\.1 ([45]\d\d)|_refusal\("(\d+)', (folder / "rest/server.py").read_text("utf-8"))
    said += re.findall(r'HTTP/1\.1 ([45]\d\d)|_refusal\("(\d+)', (folder / "ws/entrance.py").read_text("utf-8"))
    statuses = {one or other for one, other in said}
    assert {"408", "431"} <= statuses
    for path, _, op in operations(document):
        assert statuses <= set(op["responses"]), path


def test_operations_are_named_once_and_parameters_described(document: dict) -> None:
    names = [op["operationId"] for _, _, op in operations(document)]
    assert len(names) == len(set(names))
    assert {"getPrice", "getBars", "getTrades", "getStats", "getHistorical", "streamEvents"} < set(names)
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)
    for path, _, op in operations(document):
        assert set(re.findall(r"{(\w+)}", path)) == {each["name"] for each in op["parameters"] if each["in"] == "path"}
        assert all(each["description"] and each["schema"] for each in op["parameters"])
        assert all("anyOf" not in each["schema"] for each in op["parameters"])


def test_servers_and_tags_are_named(document: dict) -> None:
    assert [each["url"] for each in document["servers"]] == ["/", "{scheme}://{host}:{port}"]
    tags = {each["name"]: each["description"] for each in document["tags"]}
    assert all(tags.values())
    assert {tag for _, _, op in operations(document) for tag in op["tags"]} == set(tags)


def headers(op: dict, status: str) -> set[str]:
    return set(op["responses"][status]["headers"])


def test_headers_are_described_where_they_come(document: dict) -> None:
    assert all(each["description"] and each["schema"] for each in document["components"]["headers"].values())
    for path, method, op in operations(document):
        limited = path.startswith("/api/") and path != "/api/about"
        limits = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy"}
        success = next(status for status in op["responses"] if status.startswith("2"))
        assert "X-Request-Id" in headers(op, success), path
        assert (limits <= headers(op, success)) == limited, path
        if limited:
            assert {*limits, "Retry-After"} <= headers(op, "429"), path
            assert "Retry-After" in headers(op, "503"), path
            assert "WWW-Authenticate" in headers(op, "401"), path
        if method == "get" and limited and path != "/api/events":
            assert "ETag" in headers(op, "200") & headers(op, "304"), path
    assert "X-Next-Cursor" in headers(document["paths"]["/api/trades/{symbol}"]["get"], "200")
    assert "Location" in headers(document["paths"]["/api/watchlists"]["post"], "201")


def test_events_have_shapes_that_fit_what_is_sent(document: dict) -> None:
    content = document["paths"]["/api/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    shapes = content["x-sse-events"]
    assert set(shapes) == {*EVENT_TYPES, "gap"}
    events = {
        "news": [{"title": "Fed announces rate decision", "source": "Reuters", "timestamp": 1705690245123}],
        "price_alert": [
            {"symbol": "AAPL", "price": 150.25, "alert_type": "threshold_exceeded", "threshold": 150.00},
            *[json.loads(line[6:]) for line in content["example"].splitlines() if line.startswith("data: ")],
        ],
        "system_status": [{"status": "maintenance_window", "duration": 60, "affected_symbols": ["AAPL", "GOOGL"]}],
        "alert": [{"title": "halt"}],
        "gap": [
            json.loads(gap_frame(EventId(5, 0), first, "trimmed").split(b"data: ")[1])
            for first in (None, EventId(6, 0))
        ],
    }
    for name, examples in events.items():
        for example in examples:
            schema = {**shapes[name], "components": document["components"]}
            assert not [str(error) for error in validator_for(schema).iter_errors(example)], name


def test_public_operations_are_those_of_health_and_about(document: dict) -> None:
    public = {path for path, _, op in operations(document) if op.get("security") == []}
    assert public == {"/health", "/health/ready", "/health/ws-stats", "/health/flows", "/metrics", "/api/about"}


def test_the_page_shows_all_and_loads_nothing(document: dict) -> None:
    page = make_page(document, make_asyncapi("0", Settings())).decode()
    for path, _, op in operations(document):
        assert escape(op["summary"]) in page
        assert path in page
    assert not re.search(r"<script|<link|<img|<iframe|src=|@import|https?://", page)
    assert "$API/api/ohlc/BTC%2FUSDT&quot;" in page
