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


def test_a_quote_is_shown_beside_the_ticker(rest: RestServer, market: Market) -> None:
    ticker = '{"type":"snapshot","symbol":"Q","price":5,"bid":1,"ask":2,"timestamp":%d,"sequence":7,"exchange":"X"}'
    quote = (
        '{"type":"quote","symbol":"Q","bid":%s,"ask":6,"bidSize":3,"askSize":4,"mid":5.5,"spread":1,'
        '"quoteTimestamp":%d,"quoteSequence":9,"exchange":"Y"}'
    )
    market.redis.set("price:Q", ticker % NOW_MS)
    market.redis.set("md:quote:Q", quote % (DIGITS, NOW_MS))
    answer = rest.get("/api/prices/Q")
    assert f'"bid":{DIGITS},"ask":6,'.encode() in answer.body
    found = answer.json()
    assert (found["bidSize"], found["mid"], found["quoteTimestamp"], found["quoteSequence"]) == (3, 5.5, NOW_MS, 9)
    assert (found["sequence"], found["exchange"]) == (7, "X")
    market.redis.set("price:Q2", ticker.replace('"Q"', '"Q2"') % (NOW_MS + 1))
    market.redis.set("md:quote:Q2", quote.replace('"Q"', '"Q2"') % (1, NOW_MS))
    (later,) = rest.get("/api/prices?symbols=Q2").json()
    assert (later["bid"], later["ask"], later["mid"], later["bidSize"]) == (1, 2, 1.5, None)
    assert (later["quoteTimestamp"], later["quoteSequence"]) == (NOW_MS + 1, 9)


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
