"""The last price: every digit, Redis first, the last trade where Redis has none; and many at once."""

import json
from decimal import Decimal

import pytest

from tests.integration.gateway.rest_server import NOW_MS, Market, RestServer

DIGITS = "123456789012345678.0123456789"


def test_price_keeps_every_digit_and_reads_redis_first(rest: RestServer, market: Market) -> None:
    ticker = (
        '{"type":"snapshot","symbol":"P/1","price":%s,"bid":null,"ask":0.0000000001,"volume":1,"open":1,"high":1,'
        '"low":1,"previousClose":null,"change":null,"changePercent":null,"timestamp":%d,"sequence":9007199254740993,'
        '"exchange":"X"}'
    )
    market.redis.set("price:P/1", ticker % (DIGITS, NOW_MS))
    answer = rest.get("/api/prices/P%2F1")
    assert answer.status == 200
    assert f'"price":{DIGITS},"bid":null,"ask":0.0000000001,'.encode() in answer.body
    found = answer.json()
    assert (found["symbol"], found["sequence"], found["exchange"], found["stale"]) == (
        "P/1",
        9007199254740993,
        "X",
        False,
    )


def test_price_falls_back_to_the_last_trade(rest: RestServer, market: Market) -> None:
    trades = [
        {"time_us": NOW_MS * 1000 + number, "price": Decimal("1.5") + number, "size": Decimal("0.1"), "offset": number}
        for number in range(5)
    ]
    market.add_trades("ONLY.HISTORY", trades)
    found = rest.get("/api/prices/ONLY.HISTORY").json()
    assert (found["price"], found["volume"], found["sequence"]) == (Decimal("5.5"), Decimal("0.5"), 4)
    assert found["stale"] is False


@pytest.mark.parametrize("path", ["prices", "ohlc", "trades", "stats"])
def test_unknown_and_impossible_symbols(rest: RestServer, path: str) -> None:
    unknown = rest.get(f"/api/{path}/NOBODY")
    assert (unknown.status, unknown.json()["error"]) == (404, "SYMBOL_NOT_FOUND")
    for symbol in ("%20", "a%00b", "x" * 65, "A%2CB", "%E2%80%8B"):
        bad = rest.get(f"/api/{path}/{symbol}")
        assert (bad.status, bad.json()["error"]) == (400, "BAD_REQUEST"), symbol


def test_many_prices_in_the_order_asked(rest: RestServer, market: Market) -> None:
    for name in ("M1", "M2"):
        market.redis.set(f"price:{name}", json.dumps({"symbol": name, "price": 1, "timestamp": 1, "sequence": 1}))
    found = rest.get("/api/prices?symbols=M2,NOBODY,M1").json()
    assert [each["symbol"] for each in found] == ["M2", "M1"]
