"""The client of a real Redis Cluster: keys of any slots at once, where a key lies, and what can't be a cluster."""

import pytest

from schemas.errors import SettingError, TapeflowError, Unreachable
from sinks.redis.cluster import ClusterClient
from sinks.redis.connection import check_writer, connect, drop_connections
from sinks.redis.lease import Lease
from tests.servers.redis_cluster import ClusterOfRedis


def test_keys_of_any_slot_are_read_and_each_is_found_at_its_primary(redis_cluster: ClusterOfRedis) -> None:
    with connect(redis_cluster.url) as client:
        check_writer(client, redis_cluster.url)
        assert isinstance(client, ClusterClient)
        names = [f"of-any-slot:{number}" for number in range(20)]
        for name in names:
            client.set(name, name)
        drop_connections(client)
        assert client.mget(names) == [name.encode() for name in names]
        holders = {client.primary_of(name)[0] for name in names}
        assert holders == {f"127.0.0.1:{server.port}" for server in redis_cluster.servers}
        client.look_again()
        assert {client.primary_of(name)[1].get(name) for name in names} == {name.encode() for name in names}
        for name in names:
            client.delete(name)


def test_a_lease_lies_on_one_of_them(redis_cluster: ClusterOfRedis) -> None:
    ours, theirs = (Lease(redis_cluster.url, "md:leader:cluster", name, 5_000) for name in ("ours", "theirs"))
    assert (ours.ask(), theirs.ask()) == ("ours", "ours")
    ours.give_back()
    theirs.give_back()


def test_what_is_no_cluster_is_told_in_one_line(redis_cluster: ClusterOfRedis, redis_url: str) -> None:
    one_server = redis_url.removeprefix("redis://").partition("/")[0]
    cases: list[tuple[str, type[TapeflowError], str]] = [
        (f"redis+cluster://{one_server}", SettingError, "what answers is no Redis Cluster"),
        ("redis+cluster://127.0.0.1:1", Unreachable, "Redis does not answer"),
        (redis_cluster.url.replace("://", "://nobody:wrong@"), SettingError, "Redis refused the login"),
    ]
    for url, kind, words in cases:
        with pytest.raises(kind, match=words) as caught:
            connect(url)
        assert "\n" not in str(caught.value)
        assert "wrong@" not in str(caught.value)
