"""A lease in Redis: of all who ask for it one has it, until it gives it back or hasn't asked for LIFE long.

processes.leadership asks, for a flow that runs twice. Redis's own clock ends a lease, so the clocks of hosts don't
matter. While Redis doesn't answer nobody gets one. A Redis that comes back without the key gives it to who asks first.
It uses commands and keys that the live flow's login has anyway. One connection, for one thread at a time.
"""

from typing import Any, Final

import redis

from sinks.redis.connection import drop_connections, is_outage, open_client, place
from sinks.redis.refusals import refusal
from sinks.redis.scripts import HOLD_LEASE

__all__ = ["Lease", "holder_of"]

GONE_MS: Final = 1


class Lease:
    """``key`` in the Redis of ``url``, asked for in the name of ``holder`` for ``life_ms`` at a time."""

    def __init__(self, url: str, key: str, holder: str, life_ms: int) -> None:
        # An answer that takes longer than the lease lives is worth nothing.
        self._client = open_client(url, life_ms / 1000, life_ms / 1000)
        self._script = self._client.register_script(HOLD_LEASE)
        self._where = place(url)
        self._key = key
        self._holder = holder
        self._life_ms = life_ms

    def ask(self) -> str | None:
        """Who has it now, perhaps we, for a whole life from now on; None while Redis doesn't answer.

        Raises SettingError or WriteFailed for what Redis refuses.
        """
        try:
            holder: Any = self._script([self._key], [self._holder, self._life_ms])
        except Exception as error:
            # After any failure an old reply may still be on its way: never read on from it.
            drop_connections(self._client)
            if is_outage(error):
                return None
            if isinstance(error, redis.exceptions.RedisError):
                raise refusal(error, self._client, self._where, "EVALSHA", script=HOLD_LEASE) from error
            raise
        return str(holder.decode())

    def give_back(self) -> None:
        """Let the next one have it at once, if it is ours, and close the connection. Never raises."""
        try:
            self._script([self._key], [self._holder, GONE_MS])
        except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException, OSError):
            pass  # it ends by itself
        finally:
            self._client.close()


def holder_of(client: redis.Redis, key: str) -> str | None:
    """Who has the lease ``key`` now; None where nobody has."""
    held: Any = client.get(key)
    return held.decode() if held else None
