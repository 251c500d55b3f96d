"""The clock of the hosts that the workers run on: a small library between them and the system's, turned by a file.

Only workers see it; servers, the tape and the checker keep the real one. The monotonic clock stays real, as on a host
whose clock is set. It is native code (clock.c), so that the engine's own clock moves too, which a patched Python
wouldn't do. Where there is no C compiler, clocks are left alone and the killer says so.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Final

__all__ = ["COMPILER", "HostClock"]

SOURCE: Final = Path(__file__).with_suffix(".c")
COMPILER: Final = shutil.which("cc") or shutil.which("gcc")


class HostClock:
    """``jump`` sets it for every process that was started within ``seen``, within a second; ``ahead_s`` of the real."""

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "clock", folder / "clock.so"
        self.ahead_s = 0
        self.jump(0)
        if COMPILER is not None:
            subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", self._library, SOURCE], check=True)

    def jump(self, seconds: int) -> None:
        """Set it forward, or back, from where it stands."""
        self.ahead_s += seconds
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{self.ahead_s}\n")
        fresh.rename(self._file)

    @contextmanager
    def seen(self) -> Iterator[None]:
        """Processes started meanwhile live by this clock."""
        added = {"LD_PRELOAD": str(self._library), "HOST_CLOCK": str(self._file)} if COMPILER is not None else {}
        environ.update(added)
        try:
            yield
        finally:
            for name in added:
                del environ[name]
