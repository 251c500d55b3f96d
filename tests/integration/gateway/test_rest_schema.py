"""Generated requests, valid and not, over the whole OpenAPI document: no 500, and no answer off the document."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import validator_for
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from schemas.names import ALERT_RULES_TOPIC
from tests.integration.gateway.rest_server import (
    MINUTE_MS,
    NOW_MS,
    OPEN_MS,
    Answer,
    Market,
    RestServer,
    bar_json,
    eventually,
)
from tests.servers.kafka import make_topic

pytestmark = pytest.mark.thorough

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "20"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def rest(market: Market, kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    """A server that can write rules, too."""
    topic = make_topic(kafka_bootstrap, f"{ALERT_RULES_TOPIC}-schema")
    kafka = {"kafka_bootstrap": kafka_bootstrap, "alert_rules_topic": topic}
    with RestServer(tmp_path_factory.mktemp("rest"), **market.settings(), **kafka) as server:
        yield server


@pytest.fixture(scope="module")
def schema(rest: RestServer, market: Market) -> schemathesis.BaseSchema:
    market.add_symbol(SYMBOL)
    market.redis.set(f"price:{SYMBOL}", '{"symbol":"BTC/USDT","price":1.5,"timestamp":1,"sequence":1}')
    market.redis.sadd("md:symbols", SYMBOL)
    market.redis.set(f"candle:{SYMBOL}:1m", bar_json(SYMBOL, OPEN_MS, 9, final=False))
    market.add_bars(SYMBOL, [OPEN_MS - MINUTE_MS], [8])
    market.add_trades(SYMBOL, [{"time_us": NOW_MS * 1000, "price": Decimal(1), "size": Decimal(1), "offset": 9}])
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{rest.port}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "not-valid"])
def test_no_request_breaks_it(schema: schemathesis.BaseSchema, rest: RestServer, mode: GenerationMode) -> None:
    token = rest.token("fuzz")
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/events":
            continue  # it never ends by itself; test_sse.py has it
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
            continue  # nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})

        check()
        tried += 1
    assert tried >= 8


def shape_of(document: dict[str, Any], path: str, method: str, answer: Answer) -> dict[str, Any]:
    """The schema that the document gives for an answer, with what it refers to."""
    described = document["paths"][path][method]["responses"][str(answer.status)]
    for name in answer.headers:
        assert name in {each.lower() for each in described["headers"]} | USUAL, (path, name)
    return {**described["content"]["application/json"]["schema"], "components": document["components"]}


USUAL = {
    "content-type",
    "content-length",
    "content-encoding",
    "vary",
    "transfer-encoding",
    "date",
    "server",
    "cache-control",
    "connection",
}


def test_every_answer_fits_its_schema_and_its_headers_are_described(
    schema: schemathesis.BaseSchema, rest: RestServer, market: Market
) -> None:
    document = json.loads(rest.get("/openapi.json", token="").body)
    body = b'{"name":"Majors","symbols":["BTC/USDT"]}'
    made = rest.ask("POST", "/api/watchlists", body=body)
    one = made.headers["location"]
    wanted = b'{"kind":"bars","symbols":["BTC/USDT"],"startTime":0,"endTime":%d,"interval":"1m"}' % NOW_MS
    report = rest.ask("POST", "/api/reports", body=wanted)
    where = report.headers["location"]
    eventually(lambda: rest.get(where).json()["state"] == "done")
    rule = b'{"symbol":"BTC/USDT","condition":"above","threshold":2}'
    ruled = rest.ask("POST", "/api/alert-rules", body=rule)
    rule_path = ruled.headers["location"]
    asked = [
        ("/api/prices/{symbol}", "/api/prices/BTC%2FUSDT"),
        ("/api/prices", "/api/prices?symbols=BTC/USDT,NOBODY"),
        ("/api/market", "/api/market"),
        ("/api/ohlc/{symbol}", "/api/ohlc/BTC%2FUSDT?order=asc"),
        ("/api/quotes/{symbol}", "/api/quotes/BTC%2FUSDT"),
        ("/api/trades/{symbol}", "/api/trades/BTC%2FUSDT?limit=1"),
        ("/api/historical/{symbol}", "/api/historical/BTC%2FUSDT"),
        ("/api/historical/{symbol}", "/api/historical/BTC%2FUSDT?kind=trades&limit=1"),
        ("/api/stats/{symbol}", "/api/stats/BTC%2FUSDT?period=1d"),
        ("/api/symbols", "/api/symbols"),
        ("/api/watchlists", "/api/watchlists"),
        ("/api/watchlists/{id}", one),
        ("/api/reports", "/api/reports"),
        ("/api/reports/{id}", where),
        ("/api/reports/{id}/result", f"{where}/result"),
        ("/api/reports/{id}", "/api/reports/none"),
        ("/api/alert-rules", "/api/alert-rules"),
        ("/api/alert-rules/{id}", rule_path),
        ("/api/alert-rules/{id}", "/api/alert-rules/none"),
        ("/api/price-alerts", "/api/price-alerts"),
        ("/api/analytics/routing", "/api/analytics/routing"),
        ("/api/analytics/lp", "/api/analytics/lp"),
        ("/api/analytics/exposure", "/api/analytics/exposure"),
        ("/api/alerts", "/api/alerts"),
        ("/api/alerts/{alert}", "/api/alerts/none"),
        ("/health", "/health"),
        ("/health/ready", "/health/ready"),
        ("/health/ws-stats", "/health/ws-stats"),
        ("/health/flows", "/health/flows"),
        ("/api/about", "/api/about"),
        ("/api/ohlc/{symbol}", "/api/ohlc/NOBODY"),
        ("/api/ohlc/{symbol}", "/api/ohlc/BTC%2FUSDT?startTime=1705600000"),
        ("/api/watchlists/{id}", "/api/watchlists/none"),
    ]
    answers = [(path, "get", rest.get(address)) for path, address in asked]
    answers.append(("/api/watchlists", "post", made))
    answers.append(("/api/reports", "post", report))
    nothing = wanted.replace(b'"bars"', b'"nothing"')
    answers.append(("/api/reports", "post", rest.ask("POST", "/api/reports", body=nothing)))
    answers.append(("/api/alert-rules", "post", ruled))
    answers.append(("/api/alert-rules/{id}", "put", rest.ask("PUT", rule_path, body=rule)))
    tried = rule[:-1] + b',"startTime":0,"endTime":%d}' % (NOW_MS + MINUTE_MS)
    answers.append(("/api/alert-rules/preview", "post", rest.ask("POST", "/api/alert-rules/preview", body=tried)))
    answers.append(("/api/watchlists/{id}", "put", rest.ask("PUT", one, body=body)))
    answers.append(("/api/symbols", "get", rest.get("/api/symbols", token="nonsense")))
    for path, method, answer in answers:
        found = list(validator_for(shape_of(document, path, method, answer)).iter_errors(json.loads(answer.body)))
        assert not found, (path, answer.body[:300], [str(each) for each in found])
    assert len(json.loads(rest.get("/api/ohlc/BTC%2FUSDT").body)) == 2, "schemas of lists were tried on items"
    described = {path for path, each in document["paths"].items() if each.keys() & {"get"}}
    assert described - {path for path, _ in asked} == {"/api/events", "/metrics"}, "not JSON"
    same = rest.get("/api/ohlc/BTC%2FUSDT", if_none_match=rest.get("/api/ohlc/BTC%2FUSDT").headers["etag"])
    assert same.status == 304
    told = document["paths"]["/api/ohlc/{symbol}"]["get"]["responses"]["304"]["headers"]
    assert {name.lower() for name in told if not name.startswith("RateLimit")} <= same.headers.keys()
