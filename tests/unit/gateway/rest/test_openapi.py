"""The document is whole: every operation described, every example true to its schema, the page self-contained."""

import re
from html import escape

import pytest
from jsonschema_rs import validator_for

from gateway.rest.app import create_app
from gateway.rest.docs_page import make_page
from runtime.settings.whole import Settings


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
        "get /api/ohlc/{symbol}",
        "get /api/trades/{symbol}",
        "get /api/stats/{symbol}",
        "get /api/symbols",
        "get /api/events",
        "get /api/watchlists",
        "post /api/watchlists",
        "get /api/watchlists/{id}",
        "put /api/watchlists/{id}",
        "delete /api/watchlists/{id}",
        "get /health",
        "get /health/ready",
        "get /health/ws-stats",
        "get /metrics",
    }
    assert document["openapi"].startswith("3.1")


def test_every_example_fits_its_schema(document: dict) -> None:
    checked = 0
    for path, method, op in operations(document):
        for status, answer in op["responses"].items():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    schema = {**content["schema"], "components": document["components"]}
                    errors = [str(error) for error in validator_for(schema).iter_errors(content["example"])]
                    assert not errors, (path, method, status, errors)
                    checked += 1
    assert checked > 50


def test_operations_are_named_once_and_parameters_described(document: dict) -> None:
    names = [op["operationId"] for _, _, op in operations(document)]
    assert len(names) == len(set(names))
    for path, _, op in operations(document):
        assert set(re.findall(r"{(\w+)}", path)) == {each["name"] for each in op["parameters"] if each["in"] == "path"}
        assert all(each["description"] and each["schema"] for each in op["parameters"])
        assert all("anyOf" not in each["schema"] for each in op["parameters"])


def test_public_operations_are_those_of_health(document: dict) -> None:
    public = {path for path, _, op in operations(document) if op.get("security") == []}
    assert public == {"/health", "/health/ready", "/health/ws-stats", "/metrics"}


def test_the_page_shows_all_and_loads_nothing(document: dict) -> None:
    page = make_page(document).decode()
    for path, _, op in operations(document):
        assert escape(op["summary"]) in page
        assert path in page
    assert not re.search(r"<script|<link|<img|<iframe|src=|@import|https?://", page)
    assert "$API/api/ohlc/BTC%2FUSDT&quot;" in page
