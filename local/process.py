"""One server as a child process: start and wait until it answers, stop, kill, pause, restart.

``stack`` runs three of them, the tests' fixtures and fault tests run single ones. When ``start`` returns the server
answers, and when ``stop`` returns its process is gone. A killed parent takes its servers along (``launch``). Every
child is forked by one thread that lives as long as the program, because Linux ties a child's life to the forking
thread.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from schemas.errors import Unreachable

__all__ = ["ServerProcess"]

POLL_S: Final = 0.02
READY_S: Final = 30.0
GRACE_S: Final = 10.0
LOG_BYTES_MAX: Final = 16 << 20

_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


class ServerProcess:
    """``command`` serves what ``probe`` asks. Its output goes to ``log_file``, its pid to ``log_file`` with suffix
    .pid.

    ``marker`` is a text in the command line by which a process left over from a killed parent is recognised.
    """

    def __init__(
        self, name: str, command: Sequence[str], probe: Callable[[], bool], log_file: Path, *, marker: str
    ) -> None:
        self.name = name
        self._command = list(command)
        self._probe = probe
        self.log_file = log_file
        self._pid_file = log_file.with_suffix(".pid")
        self._marker = marker
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process, None when there is none."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    # -- start

    def start(self, ready_s: float = READY_S) -> None:
        """Spawn, and wait until the server answers; Unreachable with its last words when it doesn't."""
        self.spawn()
        self.wait_ready(ready_s)

    def spawn(self) -> None:
        """Begin to start; ``wait_ready`` tells when it is done. Nothing happens when it runs already."""
        if self.pid:
            return
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._end_leftover()
        self.shorten_log()
        self._child = _forker.submit(self._fork).result()
        self._pid_file.write_text(str(self._child.pid))

    def _fork(self) -> "subprocess.Popen[bytes]":
        launcher = [sys.executable, "-m", "local.launch", str(os.getpid())]
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        with self.log_file.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - commands are built by this package
                launcher + self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Its own session, so that Ctrl-C in a terminal reaches the parent alone, which then stops in order.
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": path},
            )

    def wait_ready(self, ready_s: float = READY_S) -> None:
        deadline = time.monotonic() + ready_s
        while not self._probe():
            if self.pid is None:
                raise Unreachable(f"{self.name} ended while starting", where=str(self.log_file), mend=self.last_words())
            if time.monotonic() > deadline:
                self.kill()
                raise Unreachable(
                    f"{self.name} did not answer within {ready_s:.0f} s",
                    where=str(self.log_file),
                    mend=self.last_words(),
                )
            time.sleep(POLL_S)

    def shorten_log(self) -> None:
        """Once it is over 16 MiB, what it holds becomes the file .old in place of what was there, and it begins anew.

        The server goes on writing to the same file, at its new end; lines of the moment in between may be lost.
        """
        with contextlib.suppress(FileNotFoundError):
            if self.log_file.stat().st_size > LOG_BYTES_MAX:
                shutil.copyfile(self.log_file, self.log_file.with_suffix(".old"))
                os.truncate(self.log_file, 0)

    def last_words(self) -> str:
        """The last line of the log."""
        lines = self.log_file.read_text(errors="replace").split("\n") if self.log_file.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")

    def _end_leftover(self) -> None:
        """A server of a parent that was killed may still be closing its data: wait for it, then insist."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + GRACE_S
        while self._is_ours(pid):
            _signal_group(pid, signal.SIGKILL if time.monotonic() > deadline else signal.SIGTERM)
            time.sleep(POLL_S)

    def _is_ours(self, pid: int) -> bool:
        try:
            return self._marker in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False

    # -- stop

    def stop(self, grace_s: float = GRACE_S) -> int | None:
        """SIGTERM, and SIGKILL for what is left after ``grace_s``; the exit code, None when nothing was started."""
        child = self._child
        if child is None:
            return None
        if child.poll() is None:
            # A paused process would not see the first.
            _signal_group(child.pid, signal.SIGTERM)
            _signal_group(child.pid, signal.SIGCONT)
            try:
                child.wait(grace_s)
            except subprocess.TimeoutExpired:
                _signal_group(child.pid, signal.SIGKILL)
        return self._reap(child)

    def kill(self) -> None:
        """SIGKILL: what a crash looks like."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            _signal_group(child.pid, signal.SIGKILL)
        self._reap(child)

    def _reap(self, child: "subprocess.Popen[bytes]") -> int:
        code = child.wait()
        self._child = None
        self._pid_file.unlink(missing_ok=True)
        return code

    def restart(self, *, crash: bool = False) -> None:
        """Stop (or kill, with ``crash``) and start again on the same port and data."""
        if crash:
            self.kill()
        else:
            self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: the port stays open, nothing answers."""
        if self.pid:
            _signal_group(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        if self.pid:
            _signal_group(self.pid, signal.SIGCONT)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # It ended in the meantime, which is what the signal was for.
        return
