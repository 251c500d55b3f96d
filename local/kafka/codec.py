"""Kafka's wire primitives in their classic (not "flexible") form: read requests, write answers.

``api`` uses them for every message. Reading past the end raises ``ValueError``, never returns less. Only the classic
encodings are here: the broker offers no version that needs the compact ones, and clients negotiate.
"""

import struct
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Reader", "Writer"]

T = TypeVar("T")

_I16: Final = struct.Struct(">h")
_I32: Final = struct.Struct(">i")
_I64: Final = struct.Struct(">q")


class Reader:
    """A cursor over one request."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes, a view into the request."""
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise ValueError("request ends early")
        part = self._data[self._at : end]
        self._at = end
        return part

    def int8(self) -> int:
        return int.from_bytes(self.take(1), "big", signed=True)

    def int16(self) -> int:
        return int(_I16.unpack(self.take(2))[0])

    def int32(self) -> int:
        return int(_I32.unpack(self.take(4))[0])

    def int64(self) -> int:
        return int(_I64.unpack(self.take(8))[0])

    def boolean(self) -> bool:
        return self.int8() != 0

    def text(self) -> str:
        return self.nullable_text() or ""

    def nullable_text(self) -> str | None:
        size = self.int16()
        return None if size < 0 else bytes(self.take(size)).decode()

    def data(self) -> memoryview:
        """Bytes with an int32 length; null reads as empty."""
        return self.take(max(self.int32(), 0))

    def array(self, item: Callable[["Reader"], T]) -> list[T]:
        return self.nullable_array(item) or []

    def nullable_array(self, item: Callable[["Reader"], T]) -> list[T] | None:
        count = self.int32()
        return None if count < 0 else [item(self) for _ in range(count)]


class Writer:
    """Builds one answer; each method returns the writer, so that a message reads like its definition."""

    def __init__(self) -> None:
        self._data = bytearray()

    def bytes(self) -> bytes:
        return bytes(self._data)

    def int8(self, value: int) -> "Writer":
        self._data += value.to_bytes(1, "big", signed=True)
        return self

    def int16(self, value: int) -> "Writer":
        self._data += _I16.pack(value)
        return self

    def int32(self, value: int) -> "Writer":
        self._data += _I32.pack(value)
        return self

    def int64(self, value: int) -> "Writer":
        self._data += _I64.pack(value)
        return self

    def boolean(self, value: bool) -> "Writer":
        return self.int8(int(value))

    def text(self, value: str | None) -> "Writer":
        if value is None:
            return self.int16(-1)
        data = value.encode()
        self.int16(len(data))
        self._data += data
        return self

    def int32s(self, values: list[int]) -> "Writer":
        self.int32(len(values))
        for value in values:
            self.int32(value)
        return self
