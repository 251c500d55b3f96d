"""What other processes, and the kernel for them, take of the machine while a bench measures ages.

A bench asks ``busy_s`` and its own ``cpu_seconds`` before and after, and prints ``disturbed`` of the difference: with
more than STRANGERS_MAX cores the figures are those of the others.
"""

import os
from pathlib import Path
from typing import Final

__all__ = ["busy_s", "disturbed"]

STRANGERS_MAX: Final = 0.4


def busy_s() -> float:
    """Processor time of the whole machine so far."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def disturbed(cores: float) -> str:
    """The line to print; empty where others had little."""
    if cores <= STRANGERS_MAX:
        return ""
    return f"  disturbed: other processes had {cores:.2f} cores; run it again on a quiet machine\n"
