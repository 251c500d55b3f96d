"""Calls of scripts for the writers that need nothing else of Redis: quotes, messages of channels, alerts.

It waits out an outage and says a refusal in one line. To a Redis Cluster each call goes to the primary that holds its
keys; after a failure it is asked again who that is. Names come from ``names``, which spells them for the Redis there
is. One connection to each server, for one thread at a time.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import redis
from redis.commands.core import Script

from runtime.outage import persist
from sinks.redis.cluster import ClusterClient, names_of
from sinks.redis.connection import drop_connections, is_outage, open_client, place
from sinks.redis.refusals import refusal

__all__ = ["Scripted"]

T = TypeVar("T")


class Scripted:
    """To the Redis of ``url``; ``stop``: set when a waiting call must end although Redis is down."""

    def __init__(self, url: str, stop: threading.Event | None = None) -> None:
        self.client = open_client(url)
        self.where = place(url)
        self.names = names_of(self.client)
        self._stop = stop or threading.Event()
        self._stale = False

    def script(self, text: str) -> Script:
        return self.client.register_script(text)

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Its reply. Raises Unreachable when stopped while Redis is down, SettingError for a right that is missing,
        WriteFailed for any other refusal."""
        return self.persist(lambda: script(keys, arguments), str(script.script))

    def persist(self, action: Callable[[], T], script: str) -> T:
        """As ``run``, of whatever runs ``script``, whose comments name the keys of its commands."""
        try:
            return self.wait_for(action)
        except redis.exceptions.RedisError as error:
            raise refusal(error, self.client, self.where, "EVALSHA", script=script) from error

    def wait_for(self, action: Callable[[], T]) -> T:
        """``action`` until Redis takes it. Raises Unreachable as ``run``, the client library's errors for refusals."""
        return persist(
            lambda: self.attempt(action), server="redis", where=self.where, is_outage=is_outage, stop=self._stop
        )

    def attempt(self, action: Callable[[], T]) -> T:
        """Once. Raises the client library's errors."""
        try:
            if self._stale and isinstance(self.client, ClusterClient):
                self.client.look_again()
            self._stale = False
            return action()
        except Exception:  # after any failure an old reply may still be on its way: never read on from it
            self._stale = True
            drop_connections(self.client)
            raise

    def close(self) -> None:
        self.client.close()
