"""Bars of quotes over a real gateway: from a made-up log to the answer, against the oracle; ranges, rights, outages."""

from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver import Client

from core.quotes.book import QuoteBook, QuoteRules
from oracle.quotes import OracleQuote, mid_of, recompute_bars
from sinks.clickhouse.quote_bars import QuoteBarsSink
from tests.integration.gateway.rest_server import Market, RestServer
from tests.property.quote_records import START_US, quote, quote_batch

MINUTE_US = 60_000_000
QUOTES = [
    quote(number, "Q/1", f"{100 + number % 7}.25", f"{101 + number * 3 % 8}.5", after_us=number * 7_000_000)
    for number in range(100)
] + [quote(200, "Q2", "3", "2")]


@pytest.fixture(scope="module")
def stored(market: Market) -> list[OracleQuote]:
    client = Client.from_url(market.dsn)
    client.execute(f"TRUNCATE TABLE {market.database}.quote_bars")
    client.disconnect()
    book = QuoteBook(QuoteRules(intervals=(0,)))
    book.apply(quote_batch(QUOTES))
    part = QuoteBarsSink(market.dsn, market.database, 1).build_part("write", "00000", None)
    part.write_batch([book.take_bars(2**62)])
    part.snapshot()
    part.close()
    return QUOTES


def asked(rest: RestServer, path: str) -> list[dict[str, Any]]:
    answer = rest.get(path)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()
    return found


def test_bars_are_the_oracles(rest: RestServer, stored: list[OracleQuote]) -> None:
    truth = recompute_bars(stored, MINUTE_US, 0)
    rows = asked(rest, "/api/quotes/Q%2F1?order=asc&limit=1000")
    assert [row["time"] * 1000 for row in rows] == sorted(start for symbol, start in truth if symbol == "Q/1")
    for row in rows:
        bar = truth["Q/1", row["time"] * 1000]
        exact = {name: Decimal(str(row[name])) for name in ("bidOpen", "bidHigh", "bidLow", "bidClose", "askClose")}
        assert list(exact.values()) == [bar.bids[0], max(bar.bids), min(bar.bids), bar.bids[-1], bar.asks[-1]]
        mid = mid_of(bar.bids[-1], bar.asks[-1])
        assert row["mid"] == (None if mid is None else float(mid))
        assert (row["quoteCount"], row["crossedCount"], row["sequence"]) == (len(bar.bids), bar.crossed, bar.version)
        assert (row["quotedMs"] * 1000, row["crossedMs"] * 1000) == (bar.spread_us, bar.crossed_us)
        spread = row["spread"]
        assert abs(Decimal(str(spread["mean"])) - bar.spread_sum / bar.spread_us) < Decimal("1e-9")
        assert (Decimal(str(spread["min"])), Decimal(str(spread["max"]))) == (min(bar.spreads), max(bar.spreads))
        for percent in (50, 90, 99):
            exact_percentile = bar.percentile(percent)
            assert abs(Decimal(str(spread[f"p{percent}"])) - exact_percentile) <= exact_percentile / 256


def test_ranges_and_orders(rest: RestServer, stored: list[OracleQuote]) -> None:
    assert stored
    newest = asked(rest, "/api/quotes/Q%2F1?limit=2")
    assert newest[0]["time"] - newest[1]["time"] == 60_000
    first = START_US // 1000
    (row,) = asked(rest, f"/api/quotes/Q%2F1?startTime={first}&endTime={first}")
    assert row["time"] == first
    forward = asked(rest, f"/api/quotes/Q%2F1?startTime={first}&order=asc&limit=3")
    assert [row["time"] for row in forward] == [first, first + 60_000, first + 120_000]
    assert asked(rest, "/api/quotes/Q%2F1?timeframe=1h") == []
    assert asked(rest, "/api/quotes/NEVER") == []


def test_where_every_quote_is_crossed_there_is_no_spread(rest: RestServer, stored: list[OracleQuote]) -> None:
    assert stored
    (row,) = asked(rest, "/api/quotes/Q2")
    assert (row["spread"], row["mid"], row["crossedCount"], row["crossedMs"]) == (None, None, 1, 60_000)


def test_a_timeframe_that_is_none_is_refused(rest: RestServer) -> None:
    assert rest.get("/api/quotes/Q2?timeframe=10m").status == 400
