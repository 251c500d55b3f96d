"""Replies of a Redis server, out of the bytes of its connection: RESP2 and RESP3, as far as reads of streams need it.

``redis_streams`` feeds it what comes and gets whole replies. Bulk strings and other scalars are ``bytes``, arrays and
maps are lists, a map as key, value, key, value. What the server says unasked (a push) is passed over, and an error is a
value: who asked raises it. A reply that is cut anywhere is gone on with where it was left, so a long one in many pieces
is read once. Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from typing import Final

__all__ = ["RefusedByRedis", "Replies"]

ARRAY, MAP, PUSH, BULK, ERROR, NULL = b"*%>$-_"
SCALARS: Final = b"+:"
NOTHING: Final = b"-1"
"""The length of what isn't there, in RESP2."""


class RefusedByRedis(bytes):
    """An error reply: what the server says."""


class Replies:
    """Of one connection, from its first byte on."""

    __slots__ = ("_begun", "_rest", "_wanted")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._wanted = 0  # so long ``_rest`` must be before there is more to be read in it
        self._begun: list[tuple[int, int, list[object]]] = []  # collections: kind, length, what is there of it

    def feed(self, data: bytes) -> list[object]:
        """Replies that ``data`` completes. Raises ValueError for what is no RESP."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        at, replies, self._wanted = 0, list[object](), 0
        while (end := data.find(b"\r\n", at)) >= 0:
            kind, text, after = data[at], data[at + 1 : end], end + 2
            item: object = text
            if text == NOTHING or kind == NULL:
                item = None
            elif kind == BULK:
                begin, after = after, after + int(text) + 2
                if after > len(data):
                    self._wanted = after - at
                    break
                item = data[begin : after - 2]
            elif kind in (ARRAY, MAP, PUSH):
                if text != b"0":
                    self._begun.append((kind, int(text) * (2 if kind == MAP else 1), []))
                    at = after
                    continue
                item = []
            elif kind == ERROR:
                item = RefusedByRedis(text)
            elif kind not in SCALARS:
                raise ValueError(f"no reply of Redis begins so: {data[at : at + 20]!r}")
            at = after
            self._put(item, replies)
        self._rest += data[at:]
        return replies

    def _put(self, item: object, replies: list[object]) -> None:
        while self._begun:
            kind, size, items = self._begun[-1]
            items.append(item)
            if len(items) < size:
                return
            self._begun.pop()
            if kind == PUSH:
                return
            item = items
        replies.append(item)
