"""The address of a Redis Cluster: some of its nodes, which tell of the others, and how to log in at all of them.

``redis+cluster://user:password@host:port,host:port?options``, or ``rediss+cluster://`` where nodes speak TLS. A cluster
has database 0 alone. The sinks and the gateway open their clients by it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from schemas.sentinels import host_and_port

__all__ = ["CLUSTER_SCHEMES", "Clustered", "clustered_redis"]

CLUSTER_SCHEMES: Final = ("redis+cluster", "rediss+cluster")
PORT: Final = 6379
_SHAPE: Final = "redis+cluster://user:password@host:port,host:port"


class Clustered(NamedTuple):
    """``url``: login and options of all nodes; its host is nobody's."""

    nodes: tuple[tuple[str, int], ...]
    url: str

    def options(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """For a client of the cluster. ``read``: what the client library reads out of ``url``."""
        found = {name: value for name, value in read.items() if name not in ("host", "connection_class", "db")}
        if self.url.startswith("rediss:"):
            found["ssl"] = True
        return found


def clustered_redis(url: str) -> Clustered | None:
    """None for an address of something else. Raises ValueError for one that lacks hosts or names a database."""
    scheme, _, rest = url.partition("://")
    if scheme not in CLUSTER_SCHEMES:
        return None
    parts = urlsplit(f"//{rest}")
    user, at, hosts = parts.netloc.rpartition("@")
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError(_SHAPE)
    nodes = tuple(host_and_port(each, PORT, _SHAPE) for each in hosts.split(","))
    return Clustered(nodes, f"{scheme.partition('+')[0]}://{user}{at}cluster/?{parts.query}")
