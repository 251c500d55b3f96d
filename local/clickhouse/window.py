"""A window on a byte stream: what was received and not yet used, in one flat piece of memory.

``protocol`` reads packets through it, ``native`` walks blocks in it. Between ``mark()`` and ``marked()`` nothing that
was read moves away, so a whole block can be taken as one view without a copy. Bytes are received straight into place
(``recv_into``), since at 100 bytes per trade each extra copy of the stream costs a percent of a core.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kernels.kernel import kernel
from local.clickhouse.types import ServerError
from schemas.clickhouse_codes import ErrorCode

__all__ = ["Window"]

STEP_BYTES: Final = 1 << 20
KEEP_BYTES: Final = 1 << 25
LIMIT_BYTES: Final = 1 << 31
"""A block beyond 2 GiB is a defect of the client, and would take this process with it."""


class Window:
    """``fill`` must put at least one more byte behind ``end`` (by ``room`` and ``grew``) or raise EOFError."""

    def __init__(self, fill: "Callable[[Window], None] | None" = None, data: bytes = b"") -> None:
        self._fill = fill
        self._adopt(bytearray(data) or bytearray(STEP_BYTES if fill else 1))
        self._mark = -1
        self.at = 0
        self.end = len(data)

    def room(self, size: int = STEP_BYTES) -> memoryview:
        """Writable memory of at least ``size`` bytes behind ``end``; older positions may move."""
        if len(self._memory) - self.end < size:
            self._make_room(size)
        return self._view[self.end :]

    def grew(self, size: int) -> None:
        self.end += size

    def _make_room(self, size: int) -> None:
        keep = self.at if self._mark < 0 else self._mark
        held = self.end - keep
        if held + size > LIMIT_BYTES:
            raise ServerError.of(ErrorCode.MEMORY_LIMIT_EXCEEDED, "one block may take 2 GiB at most")
        if held + size <= len(self._memory) and held <= keep:
            self._view[:held] = self._view[keep : self.end]
        else:
            memory = bytearray(max(held + size, min(2 * len(self._memory), held + size + KEEP_BYTES)))
            memory[:held] = self._view[keep : self.end]
            self._adopt(memory)
        self.at -= keep
        self.end = held
        self._mark = 0 if self._mark >= 0 else -1

    def _adopt(self, memory: bytearray) -> None:
        self._memory = memory
        self._view = memoryview(memory)
        self._array: npt.NDArray[np.uint8] = np.frombuffer(memory, np.uint8)

    def release(self) -> None:
        """Between packets: start anew at the front, and give a large block's memory back."""
        if self.at == self.end:
            self.at = self.end = 0
            if len(self._memory) > KEEP_BYTES:
                self._adopt(bytearray(STEP_BYTES))

    def mark(self) -> None:
        self._mark = self.at

    def marked(self) -> memoryview:
        """Everything read since ``mark()``, valid until the next read."""
        view = self._view[self._mark : self.at]
        self._mark = -1
        return view

    def need(self, size: int) -> None:
        """Return once ``size`` unread bytes are here; EOFError when the stream ends before."""
        while self.end - self.at < size:
            if self._fill is None:
                raise EOFError
            self._fill(self)

    def skip(self, size: int) -> None:
        if self.end - self.at < size:
            self._skip_far(size)
        else:
            self.at += size

    def _skip_far(self, size: int) -> None:
        if self._fill is None:
            raise EOFError
        if size > LIMIT_BYTES:
            raise ServerError.of(ErrorCode.MEMORY_LIMIT_EXCEEDED, "one block may take 2 GiB at most")
        self.room(size - (self.end - self.at))
        self.need(size)
        self.at += size

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes, valid until the next read."""
        self.skip(size)
        return self._view[self.at - size : self.at]

    def byte(self) -> int:
        if self.at == self.end:
            self.need(1)
        self.at += 1
        return self._memory[self.at - 1]

    def uint64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ServerError.of(
                    ErrorCode.CANNOT_PARSE_INPUT_ASSERTION_FAILED, "a length in the stream is longer than 64 bits"
                )

    def text(self) -> str:
        return bytes(self.take(self.varint())).decode()

    def skip_texts(self, count: int) -> None:
        """Skip ``count`` strings; compiled, because a trades block holds one string per row."""
        while count:
            done, at = _walk_texts(self._array, self.at, self.end, count)
            count -= int(done)
            self.at = int(at)
            if count:
                # The next string isn't here as a whole: the slow reader waits for it, then the loop goes on.
                self.skip(self.varint())
                count -= 1


@kernel
def _walk_texts(data: npt.NDArray[np.uint8], at: int, end: int, count: int) -> Any:
    """Walk whole strings in ``data[at:end]``: (how many, up to ``count``; position behind the last)."""
    done = 0
    while done < count:
        size = 0
        shift = 0
        here = at
        whole = False
        while here < end and shift < 28:
            byte = int(data[here])
            here += 1
            size |= (byte & 127) << shift
            if byte < 128:
                whole = True
                break
            shift += 7
        if not whole or size > end - here:
            break
        at = here + size
        done += 1
    return done, at
