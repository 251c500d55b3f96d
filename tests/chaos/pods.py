"""Workers as a StatefulSet would run them: each with an address, a hostname ordinal, a volume, a network if asked for.

The cluster test starts them on loopback addresses, tests.chaos.namespaces in network namespaces. A pod learns which one
it is from settings that are the same for all, and from its hostname. Only pod 0's volume is kept between runs.
"""

import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from processes.runner import worker_environment
from runtime.settings.whole import Settings

__all__ = ["Pods"]

STOP_S = 20


class Pods:
    """``hosts``: an IP address for each pod. ``inside``: the command that puts a pod into its own place, by number."""

    def __init__(
        self, flow: str, settings: Settings, hosts: Sequence[str], port: int, *, inside: Sequence[Sequence[str]] = ()
    ) -> None:
        self._flow, self._hosts, self._port = flow, hosts, port
        self._inside = inside or [()] * len(hosts)
        self._named = bool(inside)
        addresses = tuple(f"{host}:{port + 10 + number}" for number, host in enumerate(hosts))
        self._settings = settings.model_copy(update={"cluster_addresses": addresses})
        self._scratch = Path(tempfile.mkdtemp())
        self._children: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    def __enter__(self) -> "Pods":
        for number in range(len(self._hosts)):
            volume = self._settings.recovery_dir if number == 0 else self._scratch / str(number)
            changes: dict[str, Any] = {"recovery_dir": volume, "metrics_port": self._port + number}
            if not self._named:
                changes["cluster_process"] = number
            log = self._settings.recovery_dir.parent / f"{self._flow}-{number}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            self.logs.append(log)
            with log.open("ab") as file:
                self._children.append(
                    subprocess.Popen(
                        [*self._inside[number], sys.executable, "-m", "processes.worker", self._flow],
                        env=worker_environment(self._settings.model_copy(update=changes)),
                        cwd=Path(__file__).resolve().parents[2],
                        stdout=file,
                        stderr=file,
                    )
                )
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def read(self) -> int:
        """Records that the pods have in their state, all together."""
        total = 0
        for number, host in enumerate(self._hosts):
            assert self._children[number].poll() is None, self.logs[number].read_text()[-2000:]
            try:
                with urllib.request.urlopen(f"http://{host}:{self._port + number}/metrics", timeout=2) as answer:
                    text = answer.read().decode()
            except OSError:
                continue
            total += sum(
                int(sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == "tapeflow_account_records" and sample.labels["outcome"] == "read"
            )
        return total

    def stop(self) -> list[int]:
        """As Kubernetes does: SIGTERM to every pod. Exit codes."""
        for child in self._children:
            child.terminate()
        return [child.wait(STOP_S) for child in self._children]
