"""Rights in Redis are asked for without doing anything, by a login that needs no more than the flow's own."""

import secrets
from collections.abc import Iterator

import pytest
from redis import Redis

from sinks.redis.rights import COMMANDS, KEY_PATTERNS, lacking_rights, server_info, symbol_count

WORD = "pass"


class Login:
    """A user of a test's own; ``client`` is logged in as it."""

    def __init__(self, admin: Redis) -> None:
        self.name = f"flow-{secrets.token_hex(4)}"
        self.admin = admin
        place = admin.get_connection_kwargs()
        self.grant()
        self.client = Redis(host=place["host"], port=place["port"], username=self.name, password=WORD)

    def grant(self, *changes: str) -> None:
        commands = [f"+{each}" for each in (*COMMANDS, "multi")]
        rules = ["reset", "on", f">{WORD}", *commands, *(f"~{each}" for each in KEY_PATTERNS), *changes]
        self.admin.execute_command("ACL", "SETUSER", self.name, *rules)


@pytest.fixture
def login(redis_url: str) -> Iterator[Login]:
    with Redis.from_url(redis_url) as admin:
        login = Login(admin)
        yield login
        login.client.close()
        admin.execute_command("ACL", "DELUSER", login.name)


def test_the_least_rights_are_enough_and_nothing_is_done(login: Login) -> None:
    before = login.admin.dbsize()
    assert lacking_rights(login.client) == []
    assert login.admin.dbsize() == before


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        (["-xadd"], ["+xadd"]),
        (["-script|load"], ["+script|load"]),
        (["-hset", "-sadd"], ["+hset", "+sadd"]),
        (["resetkeys", *(f"~{each}" for each in KEY_PATTERNS if each != "candles:*")], ["~candles:*"]),
    ],
)
def test_what_is_missing_is_spelled_as_an_acl_does(login: Login, changes: list[str], lacking: list[str]) -> None:
    login.grant(*changes)
    assert lacking_rights(login.client) == lacking


def test_publishing_is_asked_for_where_it_is_wanted(login: Login) -> None:
    assert lacking_rights(login.client, publishes=True) == ["+publish"]
    login.grant("+publish", "resetchannels")
    assert lacking_rights(login.client, publishes=True) == ["&market-data:updates"]


def test_who_may_not_ask_is_told_nothing(login: Login) -> None:
    login.grant("-multi", "-info", "-scard")
    assert lacking_rights(login.client) is None
    assert server_info(login.client) is None
    assert symbol_count(login.client) == 0
    login.grant()
    info = server_info(login.client)
    assert info is not None
    assert "redis_version" in info
