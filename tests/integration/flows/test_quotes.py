"""Quotes on real servers: the flow is killed amid them; what Redis and ClickHouse hold is the oracle's, in order."""

import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from redis import Redis

from flows.latency import LatencyHistogram
from flows.quotes import measure
from oracle.quotes import OracleQuote, mid_of, recompute_bars, recompute_quotes, spread_of
from runtime.settings.whole import Settings, load_settings
from schemas.intervals import INTERVALS
from schemas.quotes import QUOTE_STATE, QuoteBar, QuoteStates
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from tests.integration.flows.desk_feeding import KEEP, rows_of, running
from tests.integration.flows.quote_market import PARTITIONS, SYMBOLS, QuoteMarket
from tests.servers.kafka import make_topic


@pytest.fixture
def settings(
    kafka_bootstrap: str, redis_url: str, clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path
) -> Settings:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    topic = f"quotes-{uuid.uuid4().hex[:8]}"
    make_topic(kafka_bootstrap, topic, PARTITIONS, KEEP)
    client = connect(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    return load_settings(
        kafka_bootstrap=kafka_bootstrap, redis_url=redis_url, quotes_topic=topic, recovery_dir=tmp_path / "recovery",
        epoch_ms=200, clickhouse_dsn=clickhouse_dsn, clickhouse_database=clickhouse_database,
        quote_intervals="1m,1h", idle_close_ms=500,
    )  # fmt: skip


def held(redis: Redis) -> dict[str, dict[str, Any]]:
    found: Any = redis.mget([f"md:quote:{symbol}" for symbol in SYMBOLS])
    return {
        symbol: json.loads(value, parse_float=Decimal, parse_int=Decimal)
        for symbol, value in zip(SYMBOLS, found, strict=True)
        if value
    }


def expected(quote: OracleQuote) -> dict[str, Any]:
    return {
        "type": "quote", "symbol": quote.symbol, "bid": quote.bid, "ask": quote.ask, "bidSize": 1, "askSize": 1,
        "mid": mid_of(quote.bid, quote.ask), "spread": spread_of(quote.bid, quote.ask),
        "quoteTimestamp": quote.event_time_us // 1000, "quoteSequence": quote.offset, "exchange": "XNAS",
    }  # fmt: skip


def test_killed_amid_quotes_both_stores_have_the_oracles(settings: Settings, tmp_path: Path) -> None:
    market = QuoteMarket(settings)
    with Redis.from_url(settings.redis_url) as redis:
        with running(settings, tmp_path / "quotes.log", "quotes") as run:
            for part in range(5):
                market.send(300)
                if part == 1:
                    market.send_raw(b"nonsense")
                truth = {symbol: expected(quote) for symbol, quote in recompute_quotes(market.sent).newest.items()}
                run.until(lambda truth=truth: held(redis) == truth)  # type: ignore[misc]
                if part in (1, 3):
                    market.send(50)
                    run.kill()
                    run.start()
            bars = bars_of_the_oracle(market.sent)
            assert len(bars) > 30
            run.until(lambda: stored_bars(settings) == bars)
        check_stream(redis)


def bars_of_the_oracle(quotes: list[OracleQuote]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (symbol, INTERVALS[index].name, start_us): (
            bar.bids[0], max(bar.bids), min(bar.bids), bar.bids[-1],
            bar.asks[0], max(bar.asks), min(bar.asks), bar.asks[-1],
            min(bar.spreads, default=0), max(bar.spreads, default=0),
            len(bar.bids), bar.crossed, bar.spread_us, bar.crossed_us, bar.spread_sum, bar.spread_us, bar.version,
        )
        for index in (0, 3)
        for (symbol, start_us), bar in recompute_bars(
            quotes, INTERVALS[index].length_us, INTERVALS[index].origin_us
        ).items()
    }  # fmt: skip


def stored_bars(settings: Settings) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    sides = ", ".join(QuoteBar.SIDES)
    rows = rows_of(
        settings,
        f"SELECT symbol, interval, toUnixTimestamp64Micro(start), {sides}, count, crossed, spread_us, crossed_us,"
        " spread_sum, arraySum(mapValues(spread)), version FROM {db}.quote_bars_final",
    )
    return {tuple(row[:3]): tuple(row[3:]) for row in rows}


def check_stream(redis: Redis) -> None:
    """Each symbol's quotes rise in the stream, entries are numbered, and the last of each is that of its key."""
    told: dict[str, dict[str, Any]] = {}
    for shard in range(PARTITIONS):
        entries: Any = redis.xrange(f"md:quotes:{shard}")
        numbers = [int(fields[b"number"]) for _, fields in entries]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        for _, fields in entries:
            for quote in json.loads(fields[b"batch"], parse_float=Decimal, parse_int=Decimal):
                assert quote["quoteSequence"] > told.get(quote["symbol"], {"quoteSequence": -1})["quoteSequence"]
                told[quote["symbol"]] = quote
    assert told == {symbol: quote for symbol, quote in held(redis).items() if symbol in told}


def test_only_what_is_new_counts_as_latency() -> None:
    registry = CollectorRegistry()
    latency = LatencyHistogram("quotes", registry=registry)
    rows = np.zeros(3, QUOTE_STATE)
    measure(latency, [QuoteStates(0, [], [], rows, again=True), QuoteStates(0, [], [], rows[:2])])
    assert registry.get_sample_value("tapeflow_latency_ms_count", {"flow": "quotes"}) == 2
