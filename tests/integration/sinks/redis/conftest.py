"""``client``: of a real Redis Cluster that holds nothing, before and after."""

from collections.abc import Iterator
from typing import Any

import pytest

from sinks.redis.connection import connect
from tests.servers.redis_cluster import ClusterOfRedis


@pytest.fixture
def client(redis_cluster: ClusterOfRedis) -> Iterator[Any]:
    with connect(redis_cluster.url) as client:
        client.flushall()
        yield client
        client.flushall()
