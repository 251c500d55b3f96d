"""Quotes, messages of channels and alerts in a real Redis Cluster: as on one server, over several primaries.

Quotes lie at the partition of their topic, which need not be that of the trades. What goes out once on one server goes
out once here, and what a gateway looks for is where it looks.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot

from core.analytics.order import passed_order
from core.quotes.book import QuoteBook, QuoteRules
from gateway.stores.homes import Homes
from gateway.stores.redis_pool import open_redis
from oracle.quotes import OracleQuote
from schemas.alert_rules import AlertRule, Firing
from schemas.desk import DeskAlert, DeskEntry
from schemas.errors import Unreachable
from schemas.names import RedisNames
from schemas.quotes import QuoteStates
from schemas.rule_view import RuleView
from sinks.redis import homes
from sinks.redis.alerts import AlertWriter
from sinks.redis.channels import ChannelWriter
from sinks.redis.connection import connect
from sinks.redis.price_alerts import AlertPublisher
from sinks.redis.quotes import QuotesWriter
from sinks.redis.sink import RedisWriter
from tests.integration.sinks.redis_reading import update
from tests.property.quote_records import quote, quote_batch
from tests.servers.certificates import Authority
from tests.servers.least_rights import REDIS_CLUSTER_ALERTS, REDIS_CLUSTER_ANALYTICS, REDIS_CLUSTER_QUOTES
from tests.servers.redis_cluster import ClusterOfRedis
from tests.unit.sinks.rows import tickers

NAMES = RedisNames(clustered=True)
UNITS = 10**10


def states(shard: int, *quotes: OracleQuote) -> QuoteStates:
    book = QuoteBook(QuoteRules())
    batch = quote_batch(quotes)
    batch.partition = shard
    book.apply(batch)
    return book.take_changed()


def data(client: Any, stream: str) -> list[Any]:
    return [json.loads(fields[b"data"]) for _, fields in client.xrange(stream)]


def test_quotes_lie_at_their_own_partition_and_are_found(
    client: Any, redis_cluster: ClusterOfRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    symbols = ("A", "B", "C")
    prices = RedisWriter(redis_cluster.url, shards=1)
    prices.write([update(tickers({"symbol": "A", "sequence": 1}, {"symbol": "B", "sequence": 1}))])
    quotes = QuotesWriter(redis_cluster.login("quotes", REDIS_CLUSTER_QUOTES))
    for _ in range(2):
        quotes.write([states(5, quote(0, "A")), states(2, quote(0, "B"), quote(1, "C"))])
    assert client.hgetall("md:quote-shards") == {b"A": b"5:0", b"B": b"2:0", b"C": b"2:0"}
    assert [len(client.xrange(NAMES.quotes(shard))) for shard in (2, 5)] == [1, 1]

    async def found() -> list[tuple[bool, bool]]:
        redis = open_redis(redis_cluster.url, 5_000)
        keys = await Homes(redis).keys_of([*symbols, "D"])
        named = [name for each in (*symbols, "D") for name in (keys(each).price(each), keys(each).quote(each))]
        values = await redis.mget(named)
        await redis.aclose(close_connection_pool=True)
        return [(price is not None, told is not None) for price, told in zip(values[::2], values[1::2], strict=True)]

    assert asyncio.run(found()) == [(True, True), (True, True), (False, True), (False, False)]
    client.flushall()
    monkeypatch.setattr(homes, "CHECK_S", 0.0)
    quotes.look()
    assert client.get(NAMES.keys(0, 5).quote("A")) is not None
    assert client.hlen("md:quote-shards") == 3
    for writer in (prices, quotes):
        writer.close()


def test_over_tls_writers_and_a_gateway_find_every_primary(tmp_path: Path) -> None:
    tls = Authority(tmp_path / "tls").issue("redis")
    with ClusterOfRedis(tmp_path, tls=tls) as cluster:
        with pytest.raises(Unreachable, match="certificate verify failed"):
            connect(cluster.tls_url.partition("?")[0])
        quotes = QuotesWriter(cluster.tls_url)
        quotes.write([states(shard, quote(0, f"S{shard}")) for shard in range(6)])
        quotes.close()
        held = [cluster.ask(server, "DBSIZE") for server in cluster.servers]
        assert min(held) > 0, "a primary was left out"

        async def found() -> list[bytes | None]:
            redis = open_redis(cluster.tls_url, 5_000)
            names = [f"S{shard}" for shard in range(6)]
            keys = await Homes(redis).keys_of(names)
            values: list[bytes | None] = await redis.mget([keys(name).quote(name) for name in names])
            await redis.aclose(close_connection_pool=True)
            return values

        assert None not in asyncio.run(found())


def test_messages_of_channels_go_out_once_whichever_primary_has_the_stream(
    client: Any, redis_cluster: ClusterOfRedis
) -> None:
    channels = ("routing-metrics", "lp-performance", "exposure")
    assert len({key_slot(f"md:channel:{each}".encode()) * 3 // 16_384 for each in channels}) > 1

    def entries(numbers: Sequence[int]) -> list[DeskEntry]:
        return [
            DeskEntry(passed_order(number), channels[number % 3], "kind", b'{"n":%d}' % number, number)
            for number in numbers
        ]

    for numbers in (range(6), range(9), range(4)):
        writer = ChannelWriter(redis_cluster.login("analytics", REDIS_CLUSTER_ANALYTICS), "routing-decisions")
        writer.write([(1, entries(numbers))])
        writer.close()
    told = [data(client, f"md:channel:{each}") for each in channels]
    assert told == [[{"n": number} for number in range(first, 9, 3)] for first in range(3)]


def test_alerts_of_a_desk_and_of_rules_go_out_once(client: Any, redis_cluster: ClusterOfRedis) -> None:
    desk = AlertWriter(redis_cluster.login("analytics", REDIS_CLUSTER_ANALYTICS))
    rules = AlertPublisher(redis_cluster.login("alerts", REDIS_CLUSTER_ALERTS))
    opened = DeskAlert("id", "open", 1_000_000, "error", "lp", "t", "m", "analytics", ("Check",))
    for _ in range(2):
        desk.write([opened, opened._replace(state="resolved")])
        for user in ("anna", "bert", "carl"):
            rule = AlertRule(f"r-{user}", user, "A", "above", "1")
            rules.keep([RuleView(user, rule.id, 1, b'{"version":1}')])
            rules.publish([Firing(7, len(user) + ord(user[0]), 0, 0, 1_000_000, 5, UNITS, UNITS, rule, UNITS, 1)])
    told = data(client, "md:events")
    assert [each["id"] for each in told] == ["id", "id", "r-anna:1", "r-bert:1", "r-carl:1"]
    for user in ("anna", "bert", "carl"):
        assert json.loads(client.hget(f"md:alert-firings:{user}", f"r-{user}"))["rule"] == f"r-{user}"
        assert client.hexists(f"md:alert-rules:{user}", f"r-{user}")
    for writer in (desk, rules):
        writer.close()
