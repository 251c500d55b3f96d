"""What clients watch is followed: first by hand in Redis, then by a gateway's client, with the live flow in between."""

import asyncio
import json
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from feeds.series import series_of
from gateway.stores.redis_pool import Redis, end_tasks, open_redis
from jobs.ingest.demand import Demand
from jobs.ingest.on_demand import Grace, InSeries, OnDemand
from schemas.names import CONTROL_CHANNEL, SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.redis import RedisServer
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT", "A1/USDT")
SOON_S = 2.0


def test_what_is_watched_is_kept_and_for_a_grace_what_was() -> None:
    grace = Grace(10)
    assert grace.keep({"A", "B"}, 0) == {"A", "B"}
    assert grace.wait_s(0) is None
    assert grace.keep({"A"}, 100) == {"A", "B"}
    assert grace.wait_s(104) == 6
    assert grace.keep({"A"}, 109.9) == {"A", "B"}
    assert grace.keep({"B"}, 109.95) == {"A", "B"}
    assert grace.keep({"B"}, 200) == {"B"}
    assert grace.wait_s(200) is None
    grace.clear()
    assert grace.keep(set(), 200) == set()


class Listed:
    """A source: what it has, None before that is known, and what is followed there."""

    def __init__(self, *symbols: str) -> None:
        self.symbols: set[str] | None = set(symbols) or None
        self.followed: set[str] = set()

    def has(self, symbol: str) -> bool | None:
        return None if self.symbols is None else symbol in self.symbols

    def follow(self, symbols: Iterable[str], from_us: int = 0) -> None:
        assert from_us > 0
        self.followed.update(symbols)

    def drop(self, symbols: Iterable[str]) -> None:
        self.followed.difference_update(symbols)


def test_the_first_source_that_has_it_gets_it_once_all_before_are_known() -> None:
    first, second = Listed(), Listed("A", "B", "NAMED")

    async def story() -> None:
        demand = Demand(open_redis("redis://127.0.0.1:1", 100))  # nobody asks it
        demand.watched = {"A", "B", "NAMED", "NOWHERE"}
        run = asyncio.create_task(OnDemand(demand, [first, second], ["NAMED"], 0).run())
        await eventually(lambda: REGISTRY.get_sample_value("tapeflow_feed_unlisted") == 3)
        assert (first.followed, second.followed) == (set(), set())
        first.symbols = {"A", "C"}
        demand.changed.set()
        await eventually(lambda: first.followed == {"A"} and second.followed == {"B"})
        demand.watched.discard("A")
        demand.changed.set()
        await eventually(lambda: first.followed == set())
        demand.is_paused = True
        demand.changed.set()
        await eventually(lambda: second.followed == set())
        assert not run.done()
        await end_tasks([run])

    asyncio.run(story())


def test_a_symbol_of_a_venue_leads_to_that_venue_alone() -> None:
    first, second = Listed("A", "B"), Listed("A")
    sources = [InSeries(first, series_of("venue", "FIRST")), InSeries(second, series_of("venue", "SECOND"))]

    async def story() -> None:
        demand = Demand(open_redis("redis://127.0.0.1:1", 100))  # nobody asks it
        demand.watched = {"A@SECOND", "B@FIRST", "B@SECOND", "A"}
        run = asyncio.create_task(OnDemand(demand, sources, [], 0).run())
        await eventually(lambda: REGISTRY.get_sample_value("tapeflow_feed_unlisted") == 2)
        assert (first.followed, second.followed) == ({"B"}, {"A"})
        demand.watched.clear()
        demand.changed.set()
        await eventually(lambda: not first.followed and not second.followed)
        await end_tasks([run])

    asyncio.run(story())


def script(count: int = 200):
    return make_script(29, SYMBOLS, count, time.time_ns() // 1_000_000 - 20_000, ids_follow=True)


async def watch(redis: Redis, action: str, *symbols: str) -> None:
    """As a gateway says it."""
    change = redis.sadd if action == "subscribe" else redis.srem
    await change(SUBSCRIBED_SET, *symbols)
    await redis.publish(SUBSCRIPTIONS_CHANNEL, json.dumps({"action": action, "symbols": symbols}))


@pytest.mark.thorough
def test_markets_come_and_go_with_what_is_watched(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(server: RedisServer) -> None:
        redis = open_redis(server.url, 2_000)
        async with ScriptedVenue("binance", script()) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, "binance:A1/USDT", "--on-demand")
            ingester.settings |= {"REDIS_URL": server.url, "FEED_GRACE_MS": "300"}
            await watch(redis, "subscribe", "BTC/USDT", "AAPL")
            ingester.start()
            try:
                await eventually(lambda: venue.followed == {"BTCUSDT", "A1USDT"})
                await watch(redis, "subscribe", "ETH/USDT")
                await eventually(lambda: len(venue.followed) == 3, within_s=SOON_S)
                assert venue.opened == 1
                await venue.trade(40)
                await ingester.until(40)
                await watch(redis, "unsubscribe", "BTC/USDT")
                left_s = time.monotonic()
                await eventually(lambda: venue.followed == {"ETHUSDT", "A1USDT"}, within_s=SOON_S)
                assert time.monotonic() - left_s >= 0.3
                await redis.publish(SUBSCRIPTIONS_CHANNEL, "{")
                await redis.publish(CONTROL_CHANNEL, '{"action":"pause"}')
                await eventually(lambda: venue.followed == {"A1USDT"}, within_s=SOON_S)
                await venue.trade(20)  # what happens meanwhile is filled up
                server.kill()
                await eventually(lambda: ingester.events("demand_lost"))
                server.start()
                await eventually(lambda: ingester.events("demand_returned"))
                await watch(redis, "subscribe", "BTC/USDT", "ETH/USDT")
                await redis.publish(CONTROL_CHANNEL, '{"action":"resume"}')
                await eventually(lambda: len(venue.followed) == 3, within_s=SOON_S)
                await venue.trade(20)
                await ingester.until(80, 10)
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            for symbol in SYMBOLS:
                wanted = [row_of(trade) for trade in venue.script[:80] if trade.symbol == symbol]
                assert [row for row in ingester.rows() if row[0] == symbol] == wanted
            assert len(ingester.events("demand_lost")) == len(ingester.events("demand_message_refused")) == 1
            assert ingester.events("feed_lost") == []
        await redis.aclose(close_connection_pool=True)

    with RedisServer(tmp_path) as server:
        asyncio.run(story(server))
