"""``python -m processes.supervisor live``: the process that ``tapeflow run`` becomes; it holds a flow's workers.

It starts them, passes signals on and says how they ended: with the line of the one that met the trouble, or, when none
could say a line, with what native code wrote and which worker died of which signal. Its exit code is that worker's.
It does nothing else and imports little, so that it needs no memory to speak of and nothing of it can fail.
"""

import argparse
import os
import select
import signal
import sys
from types import FrameType
from typing import Final, Literal, cast

from processes.workers import Workers
from runtime.logging import configure_logging

__all__ = ["main", "watch"]

LOOK_S: Final = 1.0


def watch(workers: Workers) -> int:
    """Start the workers and stay until they end; the exit code of the run. To be called in the main thread, once."""
    asked: list[signal.Signals] = []

    def note(number: int, _frame: FrameType | None) -> None:
        # A terminal that goes away is no reason to lose the epoch.
        asked.append(signal.SIGTERM if number == signal.SIGHUP else signal.Signals(number))

    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, note)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    workers.start()
    while workers.poll() is None:
        while asked:
            workers.ask_to_stop(asked.pop(0))
        if select.select([woken], [], [], LOOK_S)[0]:
            os.read(woken, 4096)
    return workers.end_after_failure()


def main(argv: list[str] | None = None) -> int:
    """Run until the workers end."""
    parser = argparse.ArgumentParser(prog="python -m processes.supervisor")
    parser.add_argument("flow")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args(argv)
    log_format = os.environ.get("TAPEFLOW_LOG_FORMAT", "auto")
    configure_logging(cast(Literal["auto", "json", "console"], log_format))
    return watch(Workers(options.flow, options.processes, os.environ))


if __name__ == "__main__":
    sys.exit(main())
