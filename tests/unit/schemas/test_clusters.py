"""Addresses of a Redis Cluster: what stands for what, and what is refused."""

import pytest

from schemas.clusters import clustered_redis


def test_each_part_goes_to_whom_it_is_for() -> None:
    found = clustered_redis("rediss+cluster://me:p%40ss@one:1,two,[::1]:3/0?ssl_ca_certs=ca.pem")
    assert found is not None
    assert found.nodes == (("one", 1), ("two", 6379), ("::1", 3))
    assert found.url == "rediss://me:p%40ss@cluster/?ssl_ca_certs=ca.pem"
    read = {"host": "cluster", "connection_class": object, "db": 0, "username": "me", "ssl_ca_certs": "ca.pem"}
    assert found.options(read) == {"username": "me", "ssl_ca_certs": "ca.pem", "ssl": True}


def test_the_shortest() -> None:
    found = clustered_redis("redis+cluster://one")
    assert found is not None
    assert (found.nodes, found.options({"host": "cluster"})) == ((("one", 6379),), {})
    assert clustered_redis("redis://one/0") is None


@pytest.mark.parametrize(
    "url", ["redis+cluster://", "redis+cluster://one,", "redis+cluster://one:0", "redis+cluster://one/1"]
)
def test_what_lacks_a_host_or_names_a_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\+cluster://user:password@host:port,host:port"):
        clustered_redis(url)
