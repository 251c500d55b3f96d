"""The worker processes of one run of a flow: started together, stopped together, and heard when they die.

processes.supervisor holds them for ``tapeflow run``, processes.runner for the commands that run a flow beside something
else. Each worker's native code and its last line write to a file of this process, so that they are still there when
the worker was killed or aborted. Of several workers that ended, the one that met the trouble is shown, in one line;
the others only lost their peer. The module is light, because the process that holds the workers lives as long as they.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, NamedTuple

import structlog

from local.ports import free_ports
from schemas.errors import PeerGone

__all__ = ["Ended", "Workers", "exit_code", "said_code", "start_worker"]

STOP_S: Final = 10.0
SURVIVORS_S: Final = 2.0
"""How long the other workers get once one has failed: without it they can't go on, and what they lose is read again."""
PR_SET_PDEATHSIG: Final = 1
LINE: Final = "tapeflow: "
ASKED: Final = {-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGINT}
"""How a worker ends that was asked to, before it could drain or at once."""
NATIVE_FAULTS: Final = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}


def exit_code(code: int) -> int:
    """As a shell says it: 128 + N for a process that signal N ended."""
    return 128 - code if code < 0 else code


def said_code(code: int) -> str:
    """How a process with that code ended, in words."""
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def start_worker(
    module: Sequence[str],
    environment: Mapping[str, str],
    log: IO[bytes] | None,
    *,
    dies_by: signal.Signals = signal.SIGTERM,
    words: int | None = None,
    queue: int | None = None,
) -> subprocess.Popen[bytes]:
    """A module of ours with its arguments as a process of its own, which a dead parent takes along.

    words: a file descriptor that it inherits and is told of by ``--last-words``; queue: one that it is told of by its
    last argument.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, dies_by)
        if os.getppid() != parent:  # it died before it could be told
            os.kill(os.getpid(), dies_by)

    told = [] if words is None else ["--last-words", str(words)]
    told += [] if queue is None else [str(queue)]
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "processes.load", *module, *told],
        env=dict(environment),
        stdout=log,
        stderr=log,
        cwd=Path.cwd(),
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no threads of ours hold locks here
        pass_fds=[each for each in (words, queue) if each is not None],
    )


class Ended(NamedTuple):
    """How one worker ended: its code (negative: the signal), its last line, what native code wrote.

    followed: it ended because we asked or killed it, or because a peer was gone.
    """

    code: int
    line: str = ""
    native: str = ""
    followed: bool = False

    @property
    def weight(self) -> int:
        """The heaviest is the one that met the trouble: a line says what it was, a signal may."""
        if not self.code or self.followed:
            return min(abs(self.code), 1)
        return 4 if self.code > 1 else 3 if self.code < 0 else 2


class Workers:
    """``count`` workers of ``flow`` on this host. ``log`` takes what they write, else this process's own streams."""

    def __init__(self, flow: str, count: int, environment: Mapping[str, str], log: IO[bytes] | None = None) -> None:
        self.name = flow
        self._count = count
        self._environment = environment
        self._log = log
        self._report_to: int | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._words: list[IO[bytes]] = []
        self._told: dict[int, str] = {}
        self._asked = False
        self._killed: set[int] = set()
        self._reported = False

    def start(self) -> None:
        """Start the workers; they check their surroundings themselves."""
        if self._log is not None:
            self._report_to = os.dup(self._log.fileno())  # the caller may close his own
        addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(self._count))
        for process in range(self._count):
            cluster = ["--process-id", str(process), "--addresses", addresses] if self._count > 1 else []
            words = open_words()
            self._words.append(words)
            self._workers.append(
                start_worker(
                    ["processes.worker", self.name, *cluster],
                    self._environment,
                    self._log,
                    # As a crash of the run would: the next start must not find the folder still in use.
                    dies_by=signal.SIGKILL,
                    words=words.fileno(),
                )
            )

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    @property
    def line(self) -> str:
        """What the worker that met the trouble said last; empty when none did."""
        return self._cause().line if self._workers else ""

    def poll(self) -> int | None:
        """None while all workers run, else the exit code of the one that met the trouble.

        When all have ended it is reported.
        """
        codes = [worker.poll() for worker in self._workers]
        ended = [code for code in codes if code is not None]
        if ended and len(ended) == len(codes):
            return self.wait()
        return exit_code(self._cause().code) if any(ended) else None

    def ask_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._asked = True
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        for worker in self._workers:
            if worker.poll() is None:
                self._killed.add(worker.pid)
                worker.kill()
        self.wait()

    def wait(self, timeout_s: float | None = None) -> int:
        """Exit code of the run, whose trouble is reported; kills what hasn't ended in time."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        for worker in self._workers:
            try:
                worker.wait(None if deadline is None else max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                if not self._cause().code:  # else it only lost the one that failed
                    structlog.get_logger().error("worker_killed", flow=self.name, pid=worker.pid, waited_s=timeout_s)
                self._killed.add(worker.pid)
                worker.kill()
                worker.wait()
        for number in range(len(self._workers)):
            self._last_words(number)
        cause = self._cause() if self._workers else Ended(0)
        self._report(cause)
        if self._report_to is not None:
            os.close(self._report_to)
            self._report_to = None
        return exit_code(cause.code)

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Drain, flush, keep state; 0 when every worker did."""
        self.ask_to_stop()
        return self.wait(timeout_s)

    def end_after_failure(self) -> int:
        """Once ``poll`` gave a code: end what is left soon, and give the exit code of the run."""
        if not self._cause().followed:  # else the one that met the trouble is about to say what it was
            self.ask_to_stop()
        return self.wait(SURVIVORS_S)

    def _cause(self) -> Ended:
        """Of the workers that have ended, the one that met the trouble."""
        return max(map(self._ended, range(self._count)), key=lambda each: each.weight)

    def _ended(self, number: int) -> Ended:
        worker = self._workers[number]
        code = worker.poll() or 0
        if not code:
            return Ended(0)
        if worker.pid in self._killed or (self._asked and code in ASKED):
            return Ended(code, followed=True)
        told = self._last_words(number).splitlines()
        said = [line for line in told if line.startswith(LINE)]
        native = "\n".join(line for line in told if not line.startswith(LINE)).strip()
        line = said[-1] if said else self._obituary(number, worker.pid, code, native)
        return Ended(code, line, native, followed=code == PeerGone.exit_code)

    def _last_words(self, number: int) -> str:
        """All that a worker which has ended wrote to its file."""
        if number not in self._told:
            with self._words[number] as words:
                words.seek(0)
                self._told[number] = words.read().decode(errors="replace")
        return self._told[number]

    def _obituary(self, number: int, pid: int, code: int, native: str) -> str:
        """The line of a worker that said none."""
        who = f"{LINE}worker {number} of {self.name} (pid {pid})"
        why = ""
        if code == -signal.SIGKILL:
            why = ": killed from outside, perhaps for the memory that it took"
        elif -code in NATIVE_FAULTS:
            why = f": native code failed; {'what it wrote stands above' if native else 'it wrote nothing'}"
        return f"{who} {said_code(code)}{why}"

    def _report(self, cause: Ended) -> None:
        """Once: what native code wrote of a death that has no line of its own, and the line."""
        if self._reported or not cause.line:
            return  # nothing to say, or said
        self._reported = True
        native = cause.native if cause.code < 0 else ""
        if self._environment.get("TAPEFLOW_LOG_FORMAT") == "json":
            text = json.dumps(
                {
                    "event": "flow_refused",
                    "flow": self.name,
                    "error": cause.line.removeprefix(LINE),
                    "exit_code": exit_code(cause.code),
                    "engine": native,
                    "level": "error",
                    "time": datetime.now(UTC).isoformat(),
                }
            )
        else:
            text = f"{native}\n{cause.line}".strip()
        text += "\n"
        if self._report_to is None:
            sys.stderr.write(text)
            sys.stderr.flush()
        else:
            os.write(self._report_to, text.encode())


def open_words() -> IO[bytes]:
    """A file without a name, in memory where the system can: the disk may be what fails."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("last-words"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)
