"""Addresses of a Redis behind Sentinels: what stands for what, and what is refused."""

import pytest

from schemas.sentinels import no_primary, watched_redis


def test_each_part_goes_to_whom_it_is_for() -> None:
    found = watched_redis(
        "rediss+sentinel://me:p%40ss@one:1,two,[::1]:3/market/2?ssl_ca_certs=ca.pem&sentinel_password=a%26b"
    )
    assert found is not None
    assert found.sentinels == (("one", 1), ("two", 26379), ("::1", 3))
    assert found.name == "market"
    assert found.url == "rediss://me:p%40ss@sentinel/2?ssl_ca_certs=ca.pem"
    assert found.login == {"password": "a&b"}


def test_servers_and_sentinels_have_logins_of_their_own_and_share_tls() -> None:
    read = {"host": "sentinel", "connection_class": object, "db": 2, "username": "me", "ssl_ca_certs": "ca.pem"}
    tls = {"ssl_ca_certs": "ca.pem", "ssl": True}
    found = watched_redis("rediss+sentinel://me@one/market/2?ssl_ca_certs=ca.pem&sentinel_username=guard")
    assert found is not None
    assert found.options(read) == ({"db": 2, "username": "me", **tls}, {"username": "guard", **tls})
    plain = watched_redis("redis+sentinel://one/market")
    assert plain is not None
    assert plain.options({"host": "sentinel", "db": 0}) == ({"db": 0}, {})


def test_no_primary_is_said_without_what_the_library_calls_its_client() -> None:
    client = "<redis.client.Redis(<Pool(<Connection(db=0,host=one,port=1,orig=0.2)>)>)>"
    said = f"No master found for 'market' : {client} - network:ConnectionError, {client} - network:ConnectionError"
    assert no_primary(said) == "No master found for 'market': network:ConnectionError"
    assert no_primary("No master found for 'market'") == "No master found for 'market'"


def test_the_shortest() -> None:
    assert watched_redis("redis+sentinel://one/market") == ((("one", 26379),), "market", "redis://sentinel/0?", {})


@pytest.mark.parametrize("url", ["redis://one:1/0", "rediss://one", "unix:///run/redis.sock"])
def test_others_have_no_sentinels(url: str) -> None:
    assert watched_redis(url) is None


@pytest.mark.parametrize(
    "url",
    ["", "one:1", "one:1/", "/market", "one:0/market", "one:x/market", "one,,two/market", "one/market/x"],
)
def test_what_lacks_a_part_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        watched_redis(f"redis+sentinel://{url}")
