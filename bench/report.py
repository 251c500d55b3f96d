"""How a figure is written down: name, value, unit, ratio, the command that made it, commit and machine.

Every bench prints through here and appends to the file named by ``--json``. A figure always carries its command and
commit. Where others had the machine between the bench's beginning and its figures, a line says so.
"""

import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.strangers import Watch, disturbed

__all__ = ["Figure", "commit", "machine", "write"]


WATCH: Final = Watch()


@dataclass
class Figure:
    """``ratio_to_bare``: against the bare loop of the same run, None where nothing bare compares."""

    figure: str
    value: float
    unit: str
    ratio_to_bare: float | None
    command: str
    commit: str


def commit() -> str:
    if shutil.which("git") is None:
        return "unknown"
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def machine() -> str:
    """Processor, cores and memory, as the kernel tells."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{cpu}, {os.cpu_count()} cores, {pages * size / 2**30:.0f} GiB, Python {platform.python_version()}"


def write(figures: list[Figure], path: str | None) -> None:
    """Print the figures; add them to the JSON list in ``path``."""
    print(f"\n{machine()}, commit {commit()}")
    print(disturbed(WATCH.cores()), end="")
    for each in figures:
        ratio = "" if each.ratio_to_bare is None else f"   {each.ratio_to_bare:.2f} of bare"
        print(f"{each.figure:48} {each.value:>14,.2f} {each.unit:10}{ratio}")
    if path:
        target = Path(path)
        known = json.loads(target.read_text()) if target.exists() else []
        target.write_text(json.dumps(known + [asdict(each) for each in figures], indent=2) + "\n")
