"""The address of a Redis that Sentinels look after: who to ask, what to ask for, and how to log in where they send us.

``redis+sentinel://user:password@host:port,host:port/name/database?options``, or ``rediss+sentinel://`` where Sentinels
and servers speak TLS. The login and the options are those of the servers, as in any address of Redis. Sentinels that
want a login of their own get it by ``sentinel_username`` and ``sentinel_password``. The sinks and the gateway open
their clients by it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

__all__ = ["SENTINEL_SCHEMES", "Watched", "host_and_port", "no_primary", "watched_redis"]

SENTINEL_SCHEMES: Final = ("redis+sentinel", "rediss+sentinel")
PORT: Final = 26379
_LOGIN: Final = {"sentinel_username": "username", "sentinel_password": "password"}
_SHAPE: Final = "redis+sentinel://user:password@host:port,host:port/name/database"


class Watched(NamedTuple):
    """``url``: login, database and options of the servers; its host is nobody's. ``login``: for the Sentinels."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    url: str
    login: dict[str, str]

    def options(self, read: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """For clients of the servers and of the Sentinels. ``read``: what the client library reads out of ``url``."""
        servers = {name: value for name, value in read.items() if name not in ("host", "connection_class")}
        tls = {name: value for name, value in read.items() if name.startswith("ssl_")}
        if self.url.startswith("rediss:"):
            servers["ssl"] = tls["ssl"] = True
        return servers, {**tls, **self.login}


def watched_redis(url: str) -> Watched | None:
    """None for an address without Sentinels. Raises ValueError for one that lacks hosts or the name."""
    scheme, _, rest = url.partition("://")
    if scheme not in SENTINEL_SCHEMES:
        return None
    parts = urlsplit(f"//{rest}")
    user, at, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    sentinels = tuple(host_and_port(each, PORT, _SHAPE) for each in hosts.split(","))
    if not name or not (database or "0").isdecimal():
        raise ValueError(_SHAPE)
    query = parse_qsl(parts.query)
    options = urlencode([each for each in query if each[0] not in _LOGIN])
    plain = f"{scheme.partition('+')[0]}://{user}{at}sentinel/{database or 0}?{options}"
    return Watched(sentinels, name, plain, {_LOGIN[key]: value for key, value in query if key in _LOGIN})


def no_primary(said: str) -> str:
    """What the client library says when no Sentinel names a primary, with each Sentinel's answer once and without the
    library's own description of its client."""
    found, _, answers = said.partition(" : ")
    reasons = dict.fromkeys(re.findall(r">\)>\)> - (.*?)(?=, <|$)", answers))
    return ": ".join(filter(None, (found, ", ".join(reasons))))


def host_and_port(text: str, default_port: int, shape: str) -> tuple[str, int]:
    """Raises ValueError with ``shape``."""
    host, colon, port = text.strip().rpartition(":")
    host, port = (host, port) if colon else (port, str(default_port))
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise ValueError(shape)
    return host.strip("[]"), int(port)
