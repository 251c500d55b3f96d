"""Streams of quotes into the hub: from the start on, new ones, lost and broken entries; and a client's whole story."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.fanout.client import HubLimits
from core.fanout.hub import Hub
from core.quotes.book import QuoteBook, QuoteRules
from gateway.stores.redis_pool import Redis, end_tasks, open_redis
from gateway.ws.quote_reader import QuoteReader
from sinks.redis.quotes import QuotesWriter
from sinks.redis.sink import RedisWriter
from tests.integration.gateway.ws_world import World, eventually, in_world, own_redis, receive, send, take
from tests.integration.sinks.redis_reading import update
from tests.property.quote_records import quote as told_quote
from tests.property.quote_records import quote_batch
from tests.servers.redis import RedisServer
from tests.servers.redis_cluster import ClusterOfRedis
from tests.unit.sinks.rows import tickers

__all__ = ["own_redis"]


@pytest.fixture(autouse=True)
def reader_looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ws.quote_reader.CHECK_S", 0.05)


class Heard(Hub):
    """A hub that only notes what comes."""

    def __init__(self) -> None:
        super().__init__(HubLimits())
        self.sequences: list[int] = []
        self.resets = 0
        self.quotes = self  # type: ignore[assignment]

    def apply(self, messages: Any, written_ms: int) -> None:  # type: ignore[override]
        assert written_ms == 5
        self.sequences += [message.sequence for message in messages]

    def reset(self, shard: int | None = None, *, new_epoch: bool = False) -> None:
        assert shard is None
        assert not new_epoch
        self.resets += 1


def quote(sequence: int, bid: float = 1.5) -> str:
    head = {"type": "quote", "symbol": "AAPL", "bid": bid, "ask": 2, "bidSize": 1, "askSize": 1, "mid": 1.75}
    return json.dumps({**head, "spread": 0.5, "quoteTimestamp": 4_000_000_000_000, "quoteSequence": sequence})


async def told(redis: Redis, number: int, shard: int = 0, batch: str = "", entry_id: str = "*") -> None:
    fields: Any = {"batch": batch or f"[{quote(number)}]", "ts": 5, "n": 1, "number": number}
    await redis.xadd(f"md:quotes:{shard}", fields, id=entry_id)


@contextlib.asynccontextmanager
async def reading(server: RedisServer, *before: int) -> AsyncIterator[tuple[Redis, Heard, Counter[str]]]:
    redis, hub, counts = open_redis(server.url, 5_000), Heard(), Counter[str]()
    await redis.flushall()
    for number in before:
        await told(redis, number)
    reader = QuoteReader(redis, hub, counts, lambda: None)
    await reader.start()
    task = asyncio.create_task(reader.read_for_ever())
    try:
        yield redis, hub, counts
    finally:
        await end_tasks([task])
        await redis.aclose(close_connection_pool=True)


def test_it_follows_from_the_newest_entry_on_and_finds_new_streams(own_redis: RedisServer) -> None:
    async def story() -> None:
        async with reading(own_redis, 1, 2) as (redis, hub, counts):
            await told(redis, 3)
            await told(redis, 1, shard=3)
            await told(redis, 2, shard=3)
            await eventually(lambda: len(hub.sequences) == 3)
            assert (sorted(hub.sequences), hub.resets, counts["entries"]) == ([1, 2, 3], 0, 3)

    asyncio.run(story())


def test_a_hole_and_a_broken_entry_make_clients_start_again(own_redis: RedisServer) -> None:
    async def story() -> None:
        async with reading(own_redis, 1) as (redis, hub, counts):
            await told(redis, 3)
            await eventually(lambda: hub.sequences == [3])
            assert (hub.resets, counts["gaps"]) == (1, 1)
            await told(redis, 4, batch="nonsense")
            await told(redis, 5)
            await eventually(lambda: hub.sequences == [3, 5])
            assert (hub.resets, counts["bad_entries"]) == (2, 1)

    asyncio.run(story())


def test_a_stream_that_is_gone_or_went_back_is_read_from_its_first_entry(own_redis: RedisServer) -> None:
    async def story() -> None:
        async with reading(own_redis, 1) as (redis, hub, _counts):
            await redis.delete("md:quotes:0")
            await eventually(lambda: hub.resets)
            await told(redis, 1, entry_id="5-1")
            await told(redis, 2, entry_id="5-2")
            await eventually(lambda: hub.sequences == [1, 2])
            await redis.delete("md:quotes:0")
            await told(redis, 8, entry_id="4-1")
            await eventually(lambda: hub.sequences == [1, 2, 8])
            assert hub.resets == 2

    asyncio.run(story())


def test_it_goes_on_when_redis_is_back(own_redis: RedisServer) -> None:
    async def story() -> None:
        async with reading(own_redis, 1) as (redis, hub, _counts):
            own_redis.restart(keep_data=False, crash=True)
            await eventually(lambda: _can(redis))
            await told(redis, 1)
            await eventually(lambda: hub.sequences[-1:] == [1])

    asyncio.run(story())


async def _can(redis: Redis) -> bool:
    try:
        return bool(await redis.ping())
    except Exception:  # noqa: BLE001 - not yet
        return False


def test_a_client_has_the_best_bid_and_ask_at_once(own_redis: RedisServer) -> None:
    book, writer = QuoteBook(QuoteRules()), QuotesWriter(own_redis.url)

    def write(number: int, bid: str, ask: str) -> None:
        book.apply(quote_batch([told_quote(number, "AAPL", bid, ask, after_us=4 * 10**15 + number)]))
        writer.write([book.take_changed()])

    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "187")
        write(1, "186.5", "187.5")
        async with world.client() as client, world.client("/ws/quotes") as other:
            await send(client, type="subscribe", symbols=["AAPL"])
            await send(other, action="subscribe", symbols=["AAPL"])
            snapshot = await receive(client)
            assert (snapshot["bid"], snapshot["mid"], snapshot["quoteSequence"]) == (Decimal("186.5"), 187, 1)
            told = (await take(other, "price_update"))["data"]
            assert (told["bid"], told["ask"]) == (Decimal("186.5"), Decimal("187.5"))
            write(2, "186.75", "187.5")
            change = await receive(client)
            assert (change["previous"], change["sequence"]) == (snapshot["sequence"], snapshot["sequence"])
            assert {name: change[name] for name in ("bid", "mid", "spread", "quoteSequence")} == {
                "bid": Decimal("186.75"), "mid": Decimal("187.125"), "spread": Decimal("0.75"), "quoteSequence": 2,
            }  # fmt: skip
            assert "ask" not in change
            told = (await take(other, "price_update"))["data"]
            assert (told["price"], told["bid"], told["ask"]) == (187, Decimal("186.75"), Decimal("187.5"))
            write(3, "186.75", "187.5")
            change = await receive(client)
            assert (change["quoteSequence"], "bid" in change) == (3, False)
            after = await world.flow.trade("AAPL", "188")
            change = await receive(client)
            assert (change["sequence"], "bid" in change) == (after["sequence"], False)
            told = (await take(other, "price_update"))["data"]
            assert (told["price"], told["bid"]) == (188, Decimal("186.75")), (
                "a quote of the same bid and ask is no news"
            )
            write(4, "190", "189")
            change = await receive(client)
            assert (change["bid"], change["mid"], change["spread"]) == (190, None, None), "crossed"

    in_world(own_redis, story)


def test_in_a_cluster_quotes_come_from_their_own_partition(redis_cluster: ClusterOfRedis) -> None:
    book = QuoteBook(QuoteRules())

    async def story(world: World) -> None:
        prices, quotes = RedisWriter(redis_cluster.url, shards=1), QuotesWriter(redis_cluster.url)

        def write(number: int, bid: str) -> None:
            book.apply(quote_batch([told_quote(number, "AAPL", bid, "187.5", after_us=4 * 10**15 + number)]))
            quotes.write([replace(book.take_changed(), shard=4)])

        await asyncio.to_thread(prices.write, [update(tickers({"symbol": "AAPL", "sequence": 1}))])
        await asyncio.to_thread(write, 1, "186.5")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            assert (await take(client, "snapshot"))["bid"] == Decimal("186.5")
            await asyncio.to_thread(write, 2, "186.75")
            assert (await take(client, "delta"))["bid"] == Decimal("186.75")
        prices.close()
        quotes.close()

    for server in redis_cluster.servers:
        redis_cluster.ask(server, "FLUSHALL")
    in_world(redis_cluster, story, empty=False)
