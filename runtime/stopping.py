"""Graceful stop: a signal ends the sources, the flow drains, sinks flush, state is kept, the process exits with 0.

The flow's factory arms it in the main thread; sources look at the flag before each batch. SIGTERM and SIGINT never cut
an epoch short, and the end of input that follows closes no bar. A second signal gives up waiting and ends the process
at once. So does a server that stalls for longer than GIVE_UP_S, because a supervisor would soon kill the process
anyway. Neither loses anything: what wasn't kept is read again.
"""

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

import structlog

__all__ = ["GIVE_UP_S", "StopSignal", "say_last"]

GIVE_UP_S: Final = 8.5
"""A stop must end within 10 seconds; sinks give up on a server that is down well before, see runtime.outage."""
NOT_DRAINED: Final = 2
LOG_S: Final = 1.0


class StopSignal(threading.Event):
    """A flag that ``arm`` ties to the process's signals; without it, whoever holds the flag sets it."""

    _is_asked = False

    def arm(self) -> "StopSignal":
        """Take SIGTERM and SIGINT. Does nothing outside the main thread, where signals can't be taken."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._is_asked or self.is_set():
            _log_beside("stop_forced", name).join(LOG_S)
            os._exit(128 + number)
        self._is_asked = True
        # By another thread: this one may be inside a wait for the flag, and hold its lock.
        threading.Thread(target=self.set).start()
        _log_beside("stop_asked", name)
        timer = threading.Timer(GIVE_UP_S, self._give_up)
        timer.daemon = True
        timer.start()

    def _give_up(self) -> None:
        say_last(
            f"tapeflow: stopped without the last epoch, as not all of it was taken within {GIVE_UP_S:g} s:"
            " the next start reads it again"
        )
        os._exit(NOT_DRAINED)


def _log_beside(event: str, name: str) -> threading.Thread:
    """Log by a thread of its own: the signal may have come while this one writes a line, which it can't do twice."""
    level = logging.INFO if event == "stop_asked" else logging.WARNING
    thread = threading.Thread(target=lambda: structlog.get_logger().log(level, event, signal=name))
    thread.start()
    return thread


def say_last(line: str) -> None:
    """The last line of a process, on the descriptor of standard error: where something holds the process (see
    processes.workers), that is a file which it reads afterwards, to show one line of several processes."""
    sys.stderr.flush()
    os.write(2, f"{line}\n".encode(errors="replace"))
