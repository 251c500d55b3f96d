"""``python -m local.launch PARENT COMMAND...``: become COMMAND, but end when process PARENT does.

``process`` starts every server through it. No server outlives a killed parent (on Linux; elsewhere this is a plain
exec). The kernel ties the child to the *thread* of the parent that forked it, so ``process`` forks from a thread that
lives as long as the program. It is a launcher of its own, and not ``preexec_fn``, because Python code between fork and
exec can deadlock.
"""

import ctypes
import os
import signal
import sys
from typing import Final

__all__ = ["main"]

PR_SET_PDEATHSIG: Final = 1


def main(argv: list[str]) -> None:
    parent, command = int(argv[0]), argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # It died before the line above took hold.
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - that is the job


if __name__ == "__main__":
    main(sys.argv[1:])
