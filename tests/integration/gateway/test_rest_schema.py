"""Generated requests, valid and not, over the whole OpenAPI document: no 500, and no answer off the document."""

import os
from decimal import Decimal

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.integration.gateway.rest_server import MINUTE_MS, NOW_MS, OPEN_MS, Market, RestServer, bar_json

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "20"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def schema(rest: RestServer, market: Market) -> schemathesis.BaseSchema:
    market.add_symbol(SYMBOL)
    market.redis.set(f"price:{SYMBOL}", '{"symbol":"BTC/USDT","price":1.5,"timestamp":1,"sequence":1}')
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
