"""Reads of Redis streams that go on for ever, over a connection of their own: XREAD without the client library's way.

A reader of the gateway asks again as soon as it was answered, hundreds of times a second. The library takes a
connection out of its pool each time, starts a task to send and reads the answer line by line, which costs more than
all that is done with the entries. Here a command is one write, and an answer one wake-up of who waits. The library
still opens the connection, so URLs, TLS, passwords and Sentinels mean the same. In a Redis Cluster, where streams lie
at several primaries, the library's client is asked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis.exceptions

from gateway.stores.redis_cluster import ClusterRedis, pairs_of
from gateway.stores.redis_pool import Redis
from gateway.stores.redis_replies import RefusedByRedis, Replies

__all__ = ["Entries", "StreamReads"]

Entries = Sequence[tuple[bytes, Mapping[bytes, bytes]]]
"""Ids with their fields, oldest first."""
LOST: Final = "the connection to Redis was closed"


class StreamReads:
    """Of one task at a time."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._wire: _Wire | None = None

    async def read(self, after: Mapping[str, str], count: int, block_ms: int | None) -> Sequence[tuple[str, Entries]]:
        """At most ``count`` entries of each stream after an id, by stream; none that has none is there.

        ``block_ms``: how long to wait for the first one; None to take what is there. A connection that the server had
        closed is opened anew, once. Raises the client library's errors.
        """
        if isinstance(self._client, ClusterRedis):
            answer: Any = await self._client.xread(dict(after), count, block_ms)
            return [(name.decode(), entries) for name, entries in pairs_of(answer)]
        command = _xread(after, count, block_ms)
        if self._wire is not None:
            try:
                return _streams(await self._asked(self._wire, command))
            except ConnectionResetError:
                pass
        self._wire = await _Wire.open(self._client)
        return _streams(await self._asked(self._wire, command))

    async def _asked(self, wire: "_Wire", command: bytes) -> object:
        try:
            return await wire.ask(command)
        except BaseException:  # also when cancelled: the answer to this would be taken for that to the next
            self.close()
            raise

    def close(self) -> None:
        """May be called again, and be followed by a ``read``."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()


class _Wire(asyncio.Protocol):
    """One connection, taken over from the client library once it is open."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transport: Any = connection._writer.transport  # noqa: SLF001 - the library gives it to nobody
        self._answer: asyncio.Future[object] | None = None
        self._replies = Replies()
        self._lost = False

    @classmethod
    async def open(cls, client: Redis) -> "_Wire":
        """Raises the client library's errors."""
        connection: Any = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        wire = cls(connection)
        wire._transport.set_protocol(wire)
        return wire

    async def ask(self, command: bytes) -> object:
        """The answer. Raises ConnectionResetError, TimeoutError and redis.exceptions.ResponseError."""
        if self._lost:
            raise ConnectionResetError(LOST)
        self._answer = asyncio.get_running_loop().create_future()
        patience_s = self._connection.socket_timeout
        try:
            self._transport.write(command)
            async with asyncio.timeout(patience_s):
                answer = await self._answer
        except TimeoutError:
            raise TimeoutError(f"Redis has not answered in {patience_s:g} s") from None
        finally:
            self._answer = None
        if isinstance(answer, RefusedByRedis):
            raise redis.exceptions.ResponseError(answer.decode(errors="replace"))
        return answer

    def close(self) -> None:
        self._lost = True
        self._transport.abort()
        self._connection._reader = self._connection._writer = None  # noqa: SLF001 - else it warns that it is open

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._replies.feed(data)
        except ValueError as error:
            self._fail(error)
            return
        for reply in replies:
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc)

    def _fail(self, why: Exception | None) -> None:
        self._lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(f"{LOST}: {why}" if why else LOST))


def _xread(after: Mapping[str, str], count: int, block_ms: int | None) -> bytes:
    words = ["XREAD", "COUNT", str(count), *([] if block_ms is None else ["BLOCK", str(block_ms)]), "STREAMS"]
    encoded = [word.encode() for word in (*words, *after, *after.values())]
    return b"*%d\r\n%b" % (len(encoded), b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]))


def _streams(answer: Any) -> list[tuple[str, Entries]]:
    """RESP2 has a list of pairs, RESP3 a map, which comes as key, value, key, value."""
    if not answer:
        return []
    flat = answer if isinstance(answer[0], bytes) else [each for pair in answer for each in pair]
    return [
        (name.decode(), [(entry_id, dict(zip(fields[::2], fields[1::2], strict=True))) for entry_id, fields in entries])
        for name, entries in zip(flat[::2], flat[1::2], strict=True)
    ]
