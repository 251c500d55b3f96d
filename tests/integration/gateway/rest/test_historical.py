"""Another name for bars and trades gives the same answers."""

from decimal import Decimal

from tests.integration.gateway.rest_server import MINUTE_MS, NOW_MS, OPEN_MS, Market, RestServer


def test_historical_is_another_name_for_bars_and_trades(rest: RestServer, market: Market) -> None:
    market.add_bars("H/1", [OPEN_MS - MINUTE_MS * back for back in range(1, 30)], list(range(29, 0, -1)))
    trades = [{"time_us": NOW_MS * 1000 - at, "price": Decimal(1), "size": Decimal(1), "offset": at} for at in range(9)]
    market.add_trades("H/1", trades)
    since = f"startTime={OPEN_MS - 10 * MINUTE_MS}&endTime={NOW_MS}"
    for other, asked in (
        ("ohlc/H%2F1", "historical/H%2F1"),
        (f"ohlc/H%2F1?timeframe=5m&{since}", f"historical/H%2F1?timeframe=5m&{since}"),
        (f"ohlc/H%2F1?order=asc&limit=3&{since}", f"historical/H%2F1?kind=ohlc&order=asc&limit=3&{since}"),
        (f"trades/H%2F1?limit=4&{since}", f"historical/H%2F1?kind=trades&limit=4&{since}"),
    ):
        alias, direct = rest.get(f"/api/{asked}"), rest.get(f"/api/{other}")
        assert (alias.status, alias.body, alias.headers["etag"]) == (200, direct.body, direct.headers["etag"])
    page = rest.get("/api/historical/H%2F1?kind=trades&limit=4")
    link = page.headers["link"].partition(">")[0].removeprefix("<")
    assert link.startswith("/api/historical/H%2F1?kind=trades&limit=4&cursor=")
    assert [int(each["sequence"]) for each in rest.get(link).json()] == [4, 5, 6, 7]
    assert rest.get("/api/historical/NOBODY").json()["error"] == "SYMBOL_NOT_FOUND"
    for query, words in (
        ("cursor=x", "for kind=trades"),
        ("offset=5", "for kind=trades"),
        ("kind=trades&timeframe=1m", "for kind=ohlc"),
        ("startTime=1705600000", "would be right"),
        ("kind=bars", "bars"),
    ):
        answer = rest.get(f"/api/historical/H%2F1?{query}")
        assert answer.status == 400
        assert words in answer.json()["message"]
