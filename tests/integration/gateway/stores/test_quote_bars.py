"""The reader of bars of quotes: of two partitions' bars of a symbol the one with more quotes is given."""

import asyncio
from dataclasses import replace

from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.quote_bars import QuoteHistory
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.quote_bars import QuoteBarsSink
from tests.integration.sinks.clickhouse.test_quote_bars import BAR
from tests.property.quote_records import START_US


def test_each_start_once(clickhouse_dsn: str, clickhouse_database: str) -> None:
    client = connect(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    bars = [BAR, replace(BAR, partition=1, count=9)]
    part = QuoteBarsSink(clickhouse_dsn, clickhouse_database, 1).build_part("write", "00000", None)
    part.write_batch([[*bars, replace(BAR, start_us=START_US + 60_000_000)]])
    part.snapshot()
    part.close()

    async def read() -> None:
        store = ClickHouse(
            clickhouse_dsn, clickhouse_database, threads=1, timeout_ms=10_000, breaker=CircuitBreaker("clickhouse")
        )
        history = QuoteHistory(store)
        found = await history.bars("BTC/USDT", "1m", 0, 2**62, 10, forward=True)
        assert [(cell.start_us, cell.quotes) for cell in found] == [(START_US, 9), (START_US + 60_000_000, 5)]
        (newest,) = await history.bars("BTC/USDT", "1m", 0, 2**62, 1, forward=False)
        assert (newest.start_us, newest.spread, newest.bid_close) == (START_US + 60_000_000, {0: 4, 8065: 5}, "1.5")
        store.close()

    asyncio.run(read())
