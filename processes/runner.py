"""Runs a flow as one or several processes: checks what it needs, gives workers their settings, reads their metrics.

``tapeflow run``, ``replay`` and the demo call it; processes.workers holds the processes. What a user can mend is said
in one line before several workers start. Settings travel to the workers as environment variables, so that a worker
started by hand, by the runner or by Kubernetes is the same thing.
"""

import os
import sys
import urllib.request
from http.client import HTTPException
from typing import IO, Final, NoReturn

from prometheus_client.parser import text_string_to_metric_families

from processes.workers import Workers
from runtime.settings.whole import Settings
from schemas.errors import SettingError

__all__ = ["FlowProcess", "Samples", "run_flow", "worker_environment"]

PROCESSES_MAX: Final = 64
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def worker_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with ``settings`` in place of whatever it says of them."""
    # By get: another thread may take a name away meanwhile.
    found = {name: os.environ.get(name) for name in os.environ if not name.startswith("TAPEFLOW_")}
    others = {name: value for name, value in found.items() if value is not None}
    return {**others, **settings.environment()}


class FlowProcess(Workers):
    """One run of a flow under ``settings``, asked for its metrics too."""

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
        super().__init__(name, processes, worker_environment(settings), log)
        self._settings = settings

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


def run_flow(name: str, processes: int, settings: Settings) -> NoReturn:
    """Become the process that runs the flow in the foreground, until it ends or a signal asks it to."""
    FlowProcess(name, settings, processes)  # refuses a number of processes that can't be
    if processes > 1:
        from flows.preflight import check_flow  # noqa: PLC0415 - it loads every reader

        check_flow(name, settings)
    command = [sys.executable, "-m", "processes.supervisor", name, "--processes", str(processes)]
    os.execve(sys.executable, command, worker_environment(settings))  # noqa: S606 - keeps the pid
