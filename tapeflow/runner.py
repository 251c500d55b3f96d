"""Runs a flow as one or several processes: checks what it needs, starts the workers, stops them together.

``tapeflow run`` and the demo call it. Law: what a user can mend is said in one line before any worker starts; the
workers of one run live and die together, and a stop asked of the runner reaches each of them once. The surprise:
settings travel to the workers as environment variables, so that a worker started by hand, by the runner or by
Kubernetes is the same thing.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import IO, Final

import structlog
from prometheus_client.parser import text_string_to_metric_families

from flows.preflight import check_flow
from local.ports import free_ports
from schemas.errors import SettingError
from tapeflow.settings import Settings

__all__ = ["FlowProcess", "Samples", "exit_code", "run_flow", "start_worker"]

STOP_S: Final = 10.0
PROCESSES_MAX: Final = 64
PR_SET_PDEATHSIG: Final = 1
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def worker_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with ``settings`` in place of whatever it says of them."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    return {**others, **settings.environment()}


def exit_code(code: int) -> int:
    """As a shell says it: 128 + N for a process that signal N ended."""
    return 128 - code if code < 0 else code


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start_worker(module: Sequence[str], settings: Settings, log: IO[bytes] | None) -> subprocess.Popen[bytes]:
    """A module of ours with its arguments as a process of its own, which a dead parent takes along."""
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", *module],
        env=worker_environment(settings),
        stdout=log,
        stderr=log,
        cwd=Path.cwd(),
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no threads of ours hold locks here
    )


class FlowProcess:
    """One run of a flow: ``processes`` workers on this host, started and stopped together."""

    def __init__(self, name: str, settings: Settings, processes: int = 1, log: IO[bytes] | None = None) -> None:
        if not 1 <= processes <= PROCESSES_MAX:
            raise SettingError(
                f"{processes} processes were asked for", where="--processes", mend=f"1 to {PROCESSES_MAX}"
            )
        if processes > 1 and settings.cluster_addresses:
            raise SettingError(
                "several processes on this host and a list of addresses exclude each other",
                where="--processes, TAPEFLOW_CLUSTER_ADDRESSES",
                mend="give one of them",
            )
        self.name = name
        self._settings = settings
        self._count = processes
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the workers; they check their own surroundings again."""
        addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(self._count))
        for process in range(self._count):
            cluster = ["--process-id", str(process), "--addresses", addresses] if self._count > 1 else []
            self._workers.append(start_worker(["tapeflow.worker", self.name, *cluster], self._settings, self._log))

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers]

    def poll(self) -> int | None:
        """None while all workers run, else the worst exit code so far."""
        codes = [worker.poll() for worker in self._workers]
        ended = [exit_code(code) for code in codes if code is not None]
        return max(ended, default=0) if ended and (any(ended) or len(ended) == len(codes)) else None

    def ask_to_stop(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        for worker in self._workers:
            worker.kill()
        self.wait()

    def wait(self, timeout_s: float | None = None) -> int:
        """Exit code of the run; kills what hasn't ended in time."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        codes = []
        for worker in self._workers:
            try:
                left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                codes.append(exit_code(worker.wait(left)))
            except subprocess.TimeoutExpired:
                structlog.get_logger().error("worker_killed", flow=self.name, pid=worker.pid, waited_s=timeout_s)
                worker.kill()
                worker.wait()
                codes.append(128 + signal.SIGKILL)
        return max(codes, default=0)

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Drain, flush, keep state; 0 when every worker did."""
        self.ask_to_stop()
        return self.wait(timeout_s)

    def metrics(self) -> Samples:
        """Samples by (name, sorted labels), added up over the workers; empty where none answers."""
        samples: Samples = {}
        for process in range(self._count if self._settings.metrics_port else 0):
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{self._settings.metrics_port + process}/metrics", timeout=2
                ) as answer:
                    text = answer.read().decode()
            except (OSError, HTTPException):
                continue
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    key = (sample.name, tuple(sorted(sample.labels.items())))
                    samples[key] = samples.get(key, 0.0) + sample.value
        return samples


def run_flow(name: str, processes: int, settings: Settings) -> int:
    """Run in the foreground until it ends or a signal asks it to; returns the exit code."""
    run = FlowProcess(name, settings, processes)
    if processes == 1:
        command = [sys.executable, "-m", "tapeflow.worker", name]
        environment = worker_environment(settings)
        os.execve(sys.executable, command, environment)  # noqa: S606 - becomes the worker, keeps the pid
    check_flow(name, settings)

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        run.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    run.start()
    while (code := run.poll()) is None:
        signal.sigtimedwait([signal.SIGCHLD], 0.5)
    if code:
        run.ask_to_stop()
    return max(code, run.wait(STOP_S))
