"""The client of a Redis Cluster for whoever writes to it or reads it back, over the client library's own.

It knows which primary holds which slot, and asks again when it is told to. Commands of one key go where the key lies;
``mget`` takes keys of any slots. What fails is said at once: no retries are hidden here, callers wait out an outage.
"""

from collections.abc import Iterable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.retry import Retry

from schemas.clusters import Clustered
from schemas.names import RedisNames

__all__ = ["ClusterClient", "names_of"]


class ClusterClient(redis.RedisCluster):
    """Connects when it is made. Raises redis.exceptions.RedisClusterException where no node answers."""

    def __init__(self, clustered: Clustered, **patience: Any) -> None:
        nodes = [ClusterNode(*node) for node in clustered.nodes]  # type: ignore[no-untyped-call]
        options = clustered.options(parse_url(clustered.url))  # type: ignore[no-untyped-call]
        super().__init__(
            startup_nodes=nodes, retry=Retry(NoBackoff(), 0), require_full_coverage=False, **{**options, **patience}
        )

    def mget(self, keys: Iterable[str], *more: str) -> Any:  # type: ignore[override]  # of any slots
        return self.mget_nonatomic([*keys, *more])

    def primary_of(self, key: str) -> tuple[str, redis.Redis]:
        """The name and a client of the primary that holds ``key``, as far as is known here."""
        node = self.nodes_manager.get_node_from_slot(self.keyslot(key))  # type: ignore[no-untyped-call]
        return node.name, self.get_redis_connection(node)

    def primaries(self) -> list[tuple[str, redis.Redis]]:
        """All of them, by name."""
        nodes = self.get_primaries()  # type: ignore[no-untyped-call]
        return [(node.name, self.get_redis_connection(node)) for node in sorted(nodes, key=lambda node: node.name)]

    def look_again(self) -> None:
        """Ask which primary holds which slot, on connections that are new."""
        self.disconnect_connection_pools()  # type: ignore[no-untyped-call]
        self.nodes_manager.initialize()


def names_of(client: redis.Redis) -> RedisNames:
    """How the Redis of ``client`` spells what is a shard's."""
    return RedisNames(clustered=isinstance(client, ClusterClient))
