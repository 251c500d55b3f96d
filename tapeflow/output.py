"""Standard output that remembers what kept it from being written.

tapeflow.cli puts it in the place of sys.stdout while a verb runs. It changes nothing of what is written or raised. A
failed write is told apart from every other OSError, such as a broken connection to a server. Trying the write once more
would tell nothing, because an unbuffered stream has lost what it couldn't write.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

__all__ = ["WatchedOutput", "reader_is_gone", "watched_output"]


def reader_is_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more; a write would say so too, if there were one."""
    poll = select.poll()
    poll.register(1, 0)
    return any(what & select.POLLERR for _, what in poll.poll(0))


class WatchedOutput:
    """``stream`` with its first ``trouble``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.trouble: OSError | None = None

    def write(self, text: str) -> int:
        with self._watched():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._watched():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.trouble = self.trouble or error
            raise


@contextmanager
def watched_output() -> Iterator[WatchedOutput]:
    """sys.stdout is watched within the block; after trouble nothing more comes of it."""
    stream = sys.stdout
    output = WatchedOutput(stream)
    sys.stdout = cast(TextIO, output)
    try:
        yield output
    finally:
        sys.stdout = stream
        if output.trouble is not None:
            # Python would complain once more when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
