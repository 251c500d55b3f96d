"""A symbol is known that either store has; what is known once is not asked for again."""

import asyncio
import json

from gateway.rest.known_symbols import KnownSymbols
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.history import History
from gateway.stores.now import Now
from gateway.stores.redis_pool import open_redis
from local.ports import free_port
from tests.integration.gateway.rest_server import NOW_MS, Market


def test_redis_or_history_may_know_it(market: Market) -> None:
    from decimal import Decimal

    market.add_symbol("KNOWN.NOW")
    market.redis.set("price:KNOWN.NOW", json.dumps({"symbol": "KNOWN.NOW"}))
    trade = {"time_us": NOW_MS * 1000, "price": Decimal(1), "size": Decimal(1), "offset": 1}
    market.add_trades("KNOWN.BEFORE", [trade])

    async def story(redis_url: str) -> list[bool]:
        redis = open_redis(redis_url, 2_000)
        breaker = CircuitBreaker("clickhouse")
        clickhouse = ClickHouse(market.dsn, market.database, threads=1, timeout_ms=10_000, breaker=breaker)
        known = KnownSymbols(Now(redis, CircuitBreaker("redis"), 2_000), History(clickhouse))
        found = [await known.has(name) for name in ("KNOWN.NOW", "KNOWN.BEFORE", "KNOWN.NEVER")]
        clickhouse.close()
        found.append(await known.has("KNOWN.BEFORE"))
        await redis.aclose(close_connection_pool=True)
        return found

    assert asyncio.run(story(market.redis_url)) == [True, True, False, True], "the last needed no store"
    assert asyncio.run(story(f"redis://127.0.0.1:{free_port()}/0")) == [False, True, False, True]
