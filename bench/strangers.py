"""What other processes, and the kernel for them, take of the machine while a bench measures.

A bench that measures ages asks ``busy_s`` and its own ``cpu_seconds`` before and after, and prints ``disturbed`` of the
difference; bench.report asks ``Watch`` for the whole of any bench. With more than STRANGERS_MAX cores the figures are
those of the others.
"""

import os
import time
from pathlib import Path
from typing import Final

__all__ = ["Watch", "busy_s", "disturbed", "own_s"]

STRANGERS_MAX: Final = 0.4
TICKS: Final = os.sysconf("SC_CLK_TCK")


def busy_s() -> float:
    """Processor time of the whole machine so far."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def own_s(*, ended_too: bool = False) -> dict[int, float]:
    """Processor time so far of this process and of each that came of it and still runs.

    ended_too: with that of its children which have ended.
    """
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            seconds[int(folder.name)] = sum(map(int, fields[11 : 15 if ended_too else 13])) / TICKS
    return {pid: used for pid, used in seconds.items() if _is_ours(pid, parents)}


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != os.getpid():
        pid = parents[pid]
    return pid == os.getpid()


class Watch:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._before, self._since = self._strangers_s(), time.monotonic()

    def cores(self) -> float:
        """That others had since."""
        return (self._strangers_s() - self._before) / (time.monotonic() - self._since)

    def _strangers_s(self) -> float:
        return busy_s() - sum(own_s(ended_too=True).values())


def disturbed(cores: float) -> str:
    """The line to print; empty where others had little."""
    if cores <= STRANGERS_MAX:
        return ""
    return f"  disturbed: other processes had {cores:.2f} cores; run it again on a quiet machine\n"
