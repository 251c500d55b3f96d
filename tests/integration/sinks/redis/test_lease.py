"""A lease in a real Redis: one has it, for its life, until it gives it back."""

import threading
from collections.abc import Iterator

import pytest
import redis

from schemas.errors import SettingError
from schemas.names import leader_key
from sinks.redis.connection import connect
from sinks.redis.lease import Lease
from sinks.redis.rights import COMMANDS
from tests.servers.redis import RedisServer

KEY = leader_key("live")
LONG_MS = 60_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("lease")) as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with connect(server.url) as client:
        client.flushdb()
        yield client


def test_one_has_it_until_it_gives_it_back(server: RedisServer, client: redis.Redis) -> None:
    ours, theirs = (Lease(server.url, KEY, name, LONG_MS) for name in ("ours", "theirs"))
    assert ours.ask() == ours.ask() == theirs.ask() == "ours"
    theirs.give_back()
    assert theirs.ask() == "ours", "who doesn't have it can't give it back"
    ours.give_back()
    moment = threading.Event()
    while theirs.ask() == "ours":
        moment.wait(0.001)
    assert ours.ask() == "theirs"


def test_it_ends_by_itself_and_lives_on_by_asking(server: RedisServer, client: redis.Redis) -> None:
    ours, theirs = Lease(server.url, KEY, "ours", 300), Lease(server.url, KEY, "theirs", LONG_MS)
    moment = threading.Event()
    assert ours.ask() == "ours"
    assert 0 < client.pttl(KEY) <= 300
    client.pexpire(KEY, 100)
    assert ours.ask() == "ours"
    assert client.pttl(KEY) > 100, "each question is a whole life"
    while theirs.ask() == "ours":
        moment.wait(0.01)
    assert ours.ask() == "theirs"


def test_a_redis_that_is_away_gives_it_to_nobody(server: RedisServer, client: redis.Redis) -> None:
    ours = Lease(server.url, KEY, "ours", 200)
    server.pause()
    try:
        assert ours.ask() is None
    finally:
        server.resume()
    assert ours.ask() == "ours"
    server.restart(crash=True, keep_data=False)  # it forgets its scripts too
    assert ours.ask() == "ours"
    server.stop()
    try:
        assert ours.ask() is None
        ours.give_back()
    finally:
        server.start()


def test_the_rights_of_the_live_flow_are_enough_and_less_is_told(server: RedisServer, client: redis.Redis) -> None:
    url = f"redis://live:secret@127.0.0.1:{server.port}/0"
    client.execute_command("ACL", "SETUSER", "live", "on", ">secret", "~md:*", *(f"+{command}" for command in COMMANDS))
    assert Lease(url, KEY, "ours", LONG_MS).ask() == "ours"
    client.execute_command("ACL", "SETUSER", "live", "resetkeys", "~price:*")
    with pytest.raises(SettingError, match="ACL SETUSER live"):
        Lease(url, KEY, "ours", LONG_MS).ask()
