"""A bounded queue with one thread behind it: the flow goes on while a server works.

Sink partitions of one worker put items; the thread takes all that wait and hands them to ``work`` as one list.
Law: ``drain`` returns only when everything put before was worked on without error; an error of ``work`` is raised by
the next ``put`` or ``drain`` and ends the thread, so that nothing is written after something that was lost.
The surprise: a full queue blocks ``put``, which is how a slow server slows the source down.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["Handover"]

T = TypeVar("T")

_WAKE_S: Final = 0.5
"""Longest single wait, so that a signal's handler runs soon in a waiting main thread."""


class Handover(Generic[T]):
    """``work`` gets items in the order of ``put``; at most ``depth`` wait."""

    def __init__(self, work: Callable[[list[T]], None], *, name: str, depth: int) -> None:
        self._work = work
        self._name = name
        self._depth = depth
        self._waiting: deque[T] = deque()
        self._busy = False
        self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being worked on."""
        return not self._waiting and not self._busy

    @property
    def waiting(self) -> int:
        """How many items ``work`` has not been given yet."""
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Hand over one item; blocks while the queue is full. Raises the error of ``work``."""
        with self._changed:
            self._wait(lambda: len(self._waiting) < self._depth)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._waiting.append(item)
            self._changed.notify_all()

    def drain(self) -> None:
        """Wait until everything handed over is done. Raises the error of ``work``."""
        with self._changed:
            self._wait(lambda: self.idle)

    def close(self) -> None:
        """Drain, then end the thread."""
        self.drain()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._closed = False

    def _wait(self, ready: Callable[[], bool]) -> None:
        while self._error is None and not ready():
            self._changed.wait(_WAKE_S)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                items = list(self._waiting)
                self._waiting.clear()
                self._busy = True
                self._changed.notify_all()
            try:
                self._work(items)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that owns the flow, which raises it
                with self._changed:
                    self._error = error
                    self._busy = False
                    self._changed.notify_all()
                return
            with self._changed:
                self._busy = False
                self._changed.notify_all()
