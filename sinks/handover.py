"""A bounded queue with a thread or two behind it: the flow goes on while a server works.

Sink partitions of one worker put items; a thread takes all that wait and hands them to its ``work`` as one list.
``drain`` returns only when everything put before was worked on without error. An error of ``work`` is raised by the
next ``put`` or ``drain`` and ends the thread, so that nothing is written after something that was lost. ``close``
raises nothing and waits for no server: a part is closed while the engine unwinds from an error, where a second one
would abort the process. A full queue blocks ``put``, which is how a slow server slows the source down.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["Handover"]

T = TypeVar("T")

_WAKE_S: Final = 0.5
"""Longest single wait, so that a signal's handler runs soon in a waiting main thread."""
_LAST_WORK_S: Final = 1.0
"""How long ``close`` waits for what a thread is doing."""


class Handover(Generic[T]):
    """Each of ``works`` has a thread; one alone gets items in the order of ``put``. At most ``depth`` items wait.

    ``look``: called by a thread each time that it had nothing to do for ``look_s``; ``drain`` doesn't wait for it.
    """

    def __init__(
        self,
        *works: Callable[[list[T]], None],
        name: str,
        depth: int,
        look: Callable[[], None] | None = None,
        look_s: float = 0.0,
    ) -> None:
        self._works = works
        self._name = name
        self._depth = depth
        self._look = look
        self._look_s = look_s if look else None
        self._waiting: deque[T] = deque()
        self._busy = 0
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    @property
    def idle(self) -> bool:
        """Whether nothing waits and a thread has nothing to work on."""
        return not self._waiting and self._busy < len(self._works)

    @property
    def waiting(self) -> int:
        """How many items ``work`` has not been given yet."""
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Hand over one item; blocks while the queue is full. Raises the error of ``work``."""
        with self._changed:
            self._wait(lambda: len(self._waiting) < self._depth)
            if not self._threads:
                self._threads = [
                    threading.Thread(target=self._run, args=(work,), name=self._name, daemon=True)
                    for work in self._works
                ]
                for thread in self._threads:
                    thread.start()
            self._waiting.append(item)
            self._changed.notify_all()

    def drain(self) -> None:
        """Wait until everything handed over is done. Raises the error of ``work``."""
        with self._changed:
            self._wait(lambda: not self._waiting and not self._busy)

    def close(self) -> None:
        """End the threads. What wasn't drained is dropped; a thread that waits for its server is left to the process's
        end."""
        with self._changed:
            threads, self._threads = self._threads, []
            self._waiting.clear()
            self._changed.notify_all()
        for thread in threads:
            thread.join(_LAST_WORK_S)

    def _wait(self, ready: Callable[[], bool]) -> None:
        while self._error is None and not ready():
            self._changed.wait(_WAKE_S)
        if self._error is not None:
            raise self._error

    def _run(self, work: Callable[[list[T]], None]) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                woken = True
                while woken and not self._waiting and me in self._threads and self._error is None:
                    woken = self._changed.wait(self._look_s)
                is_over = self._error is not None or me not in self._threads
                items = list(self._waiting)
                if items and not is_over:
                    self._waiting.clear()
                    self._busy += 1
                    self._changed.notify_all()
            if is_over:
                return
            if not items:
                if self._look is not None:
                    self._look()
                continue
            try:
                work(items)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that owns the flow, which raises it
                with self._changed:
                    self._error = error
                    self._busy -= 1
                    self._changed.notify_all()
                return
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
