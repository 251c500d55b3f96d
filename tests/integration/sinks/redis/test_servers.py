"""A writer over three real primaries: each shard on its own, one that moves to another primary meanwhile included."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from schemas.errors import SettingError
from schemas.names import SHARDS_KEY, RedisNames
from sinks.redis.connection import connect, primaries_of
from sinks.redis.rights import lacking_rights, symbol_count
from sinks.redis.sink import RedisWriter
from sinks.redis.state import LiveUpdate
from tests.client_messages import BarMessage, decode_batch
from tests.integration.sinks.redis_reading import update
from tests.servers.least_rights import REDIS_CLUSTER_LIVE
from tests.servers.redis_cluster import ClusterOfRedis
from tests.unit.sinks.rows import bars, tickers

NAMES = RedisNames(clustered=True)
SHARDS = range(6)


def of(shard: int, sequence: int) -> LiveUpdate:
    symbol = f"S{shard}"
    whole = {"symbol": symbol, "version": sequence}
    ticker = tickers({"symbol": symbol, "sequence": sequence, "price": sequence})
    return replace(update(ticker, bars(whole), bars({**whole, "final": 1})), shard=shard)


def sequences(client: Any, shard: int) -> list[int]:
    """Of the ticker in the shard's stream."""
    batches = [decode_batch(fields[b"batch"]) for _, fields in client.xrange(NAMES.deltas(shard))]
    return [message.sequence for batch in batches for message in batch if not isinstance(message, BarMessage)]


def test_each_shard_lies_whole_on_one_primary_and_the_map_names_it(client: Any, redis_cluster: ClusterOfRedis) -> None:
    writer = RedisWriter(redis_cluster.url, shards=len(SHARDS), publish_updates=True)
    for sequence in (1, 2):
        writer.write([of(shard, sequence) for shard in SHARDS])
    holders = {redis_cluster.primary_of(NAMES.epoch(shard)).port for shard in SHARDS}
    assert holders == {server.port for server in redis_cluster.servers}
    for shard in SHARDS:
        assert sequences(client, shard) == [1, 2]
        keys = NAMES.keys(shard)
        assert client.hget(SHARDS_KEY, f"S{shard}") == f"{shard}:0".encode()
        for key in (keys.price(f"S{shard}"), keys.candle(f"S{shard}", "1m"), keys.candles(f"S{shard}", "1m")):
            assert client.exists(key)
        assert client.smembers(NAMES.symbols(shard)) == {f"S{shard}".encode()}
    writer.close()


def test_it_does_with_the_least_rights_and_doctor_names_one_that_is_missing(
    client: Any, redis_cluster: ClusterOfRedis
) -> None:
    url = redis_cluster.login("live", [*REDIS_CLUSTER_LIVE, "+multi"])
    writer = RedisWriter(url, shards=len(SHARDS))
    writer.write([of(shard, 1) for shard in SHARDS])
    writer.close()
    assert {shard: sequences(client, shard) for shard in SHARDS} == {shard: [1] for shard in SHARDS}
    with connect(url) as limited:
        servers = primaries_of(limited)
        assert len(servers) == len(redis_cluster.servers)
        assert [lacking_rights(server, clustered=True) for _, server in servers] == [[], [], []]
        assert symbol_count(limited) == len(SHARDS)
    redis_cluster.login("live", [*REDIS_CLUSTER_LIVE, "+multi", "-cluster|slots"])
    with Redis.from_url(redis_cluster.servers[0].url.replace("://", "://live:pass@")) as node:
        assert lacking_rights(node, clustered=True) == ["+cluster|slots"]
    for right in ("cluster|slots", "command"):
        redis_cluster.login("live", [*REDIS_CLUSTER_LIVE, f"-{right}"])
        with pytest.raises(SettingError, match=r"Redis refuses COMMAND or CLUSTER SLOTS.*\+command \+cluster\|slots"):
            connect(url)


def test_an_emptied_primary_gets_its_shards_again(client: Any, redis_cluster: ClusterOfRedis) -> None:
    writer = RedisWriter(redis_cluster.url, shards=len(SHARDS))
    writer.write([of(shard, 1) for shard in SHARDS])
    emptied = redis_cluster.primary_of(NAMES.epoch(0))
    redis_cluster.ask(emptied, "FLUSHALL")
    writer.look()
    assert {shard: sequences(client, shard) for shard in SHARDS} == {shard: [1] for shard in SHARDS}
    writer.close()


def test_a_shard_that_moves_to_another_primary_is_waited_for(client: Any, redis_cluster: ClusterOfRedis) -> None:
    """Half of its keys lie on either side for a while: no script may take that for the whole."""
    writer = RedisWriter(redis_cluster.url, shards=1)
    writer.write([of(3, 1)])
    source = redis_cluster.primary_of(NAMES.epoch(3))
    target = next(server for server in redis_cluster.servers if server is not source)
    slot = client.keyslot(NAMES.epoch(3))
    identities = {each: redis_cluster.ask(each, "CLUSTER", "MYID").decode() for each in (source, target)}

    def move(names: list[bytes]) -> None:
        redis_cluster.ask(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *names)

    def settle(holder: Any) -> None:
        for server in (target, source, *redis_cluster.servers):
            redis_cluster.ask(server, "CLUSTER", "SETSLOT", slot, "NODE", identities[holder])

    redis_cluster.ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", identities[source])
    redis_cluster.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", identities[target])
    names = redis_cluster.ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 100)
    gone = [name for name in names if name.startswith((b"price:", b"symbol:"))]
    move(gone)
    # What a half-moved shard makes of a write, a quarter of a second long: the writer waits, and takes nothing back.
    done = threading.Thread(target=writer.write, args=([of(3, 2)],))
    done.start()
    done.join(0.25)
    assert done.is_alive()
    move(list(redis_cluster.ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 100)))
    settle(target)
    done.join(20)
    assert not done.is_alive()
    assert redis_cluster.primary_of(NAMES.epoch(3)) is target
    assert client.zcard(NAMES.keys(3).candles("S3", "1m")) == 1
    told = sequences(client, 3)
    assert (told[-1], told) == (2, sorted(told))
    writer.close()
