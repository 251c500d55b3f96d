"""Calls of a script on real servers: an outage is waited for, a refusal is a line, a cluster is asked who has a key."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from schemas.errors import SettingError, Unreachable, WriteFailed
from sinks.redis.cluster import ClusterClient
from sinks.redis.connection import connect
from sinks.redis.scripted import Scripted
from tests.servers.redis import RedisServer
from tests.servers.redis_cluster import ClusterOfRedis

ADD = "local call = redis.call\nreturn call('INCRBY', KEYS[1], ARGV[1]) -- md:*\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def test_an_outage_is_waited_for_unless_the_flow_ends(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    asked = Scripted(server.url, stop)
    add = asked.script(ADD)
    assert asked.run(add, ["md:a"], [2]) == 2
    server.stop()
    back = threading.Timer(0.2, server.start)
    back.start()
    assert asked.run(add, ["md:a"], [2]) in (2, 4)
    back.join()
    server.kill()
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    stop.set()
    with pytest.raises(Unreachable):
        asked.run(add, ["md:a"], [2])
    asked.close()


def test_a_refusal_says_what_is_missing_and_the_next_call_goes_on(server: RedisServer) -> None:
    with connect(server.url) as client:
        client.execute_command("ACL", "SETUSER", "desk", "on", ">pw", "~*", "+@all", "-incrby")
        client.set("md:word", "word")
    limited, asked = (Scripted(url) for url in (server.url.replace("//", "//desk:pw@"), server.url))
    with pytest.raises(SettingError, match=r"desk INCRBY on md:\*.*\+incrby"):
        limited.run(limited.script(ADD), ["md:a"], [1])
    with pytest.raises(WriteFailed, match="not an integer"):
        asked.run(asked.script(ADD), ["md:word"], [1])
    assert asked.run(asked.script(ADD), ["md:a"], [1]) == 1


def test_a_cluster_is_asked_again_after_a_failure(
    client: Any, redis_cluster: ClusterOfRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Any] = []
    again = ClusterClient.look_again

    def look_again(self: ClusterClient) -> None:
        looks.append(self)
        again(self)

    monkeypatch.setattr(ClusterClient, "look_again", look_again)
    asked = Scripted(redis_cluster.url)
    add = asked.script(ADD)
    assert [asked.run(add, [f"md:{number}"], [number]) for number in range(9)] == list(range(9))
    failures = iter([redis.exceptions.ConnectionError("away"), None])

    def fail_once() -> Any:
        if (failure := next(failures)) is not None:
            raise failure
        return client.get("md:8")

    assert not looks
    assert asked.persist(fail_once, ADD) == b"8"
    assert looks == [asked.client]
    asked.close()
