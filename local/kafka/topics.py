"""The topics of the embedded broker: folders of partition logs, and the offsets that groups committed.

``api`` finds logs here. A topic exists only if its folder holds ``partitions``, which is written last, so a kill while
creating leaves no half topic. A topic that a producer asks for is created on the spot, as a development broker does.
"""

import json
import re
import shutil
import threading
from pathlib import Path
from typing import Final

from local.kafka.log import BrokerError, PartitionLog

__all__ = ["Topics"]

UNKNOWN_TOPIC_OR_PARTITION: Final = 3
INVALID_TOPIC: Final = 17
TOPIC_ALREADY_EXISTS: Final = 36
INVALID_PARTITIONS: Final = 37

NAME: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._\-]{1,249}")
PARTITIONS_MAX: Final = 1024


class Topics:
    """Everything under ``folder``. ``appended`` is notified whenever any log grew."""

    def __init__(
        self, folder: Path, *, default_partitions: int, segment_bytes: int, retention_bytes: int, batch_bytes_max: int
    ) -> None:
        self._folder = folder
        self._default_partitions = default_partitions
        self._limits = {
            "segment_bytes": segment_bytes,
            "retention_bytes": retention_bytes,
            "batch_bytes_max": batch_bytes_max,
        }
        self._lock = threading.Lock()
        self._logs: dict[str, list[PartitionLog]] = {}
        self.appended = threading.Condition()
        self._offsets_file = folder / "group-offsets.json"
        self._offsets: dict[str, dict[str, tuple[int, str]]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for marker in sorted(folder.glob("topics/*/partitions")):
            self._open(marker.parent.name, int(marker.read_text()))
        if self._offsets_file.exists():
            self._offsets = json.loads(self._offsets_file.read_text())

    def _open(self, name: str, count: int) -> None:
        folder = self._folder / "topics" / name
        self._logs[name] = [PartitionLog(folder / str(index), **self._limits) for index in range(count)]

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._logs)

    def partitions(self, name: str, *, create: bool = False) -> list[PartitionLog]:
        """A topic's logs; BrokerError when it doesn't exist and may not be created."""
        with self._lock:
            if name not in self._logs:
                if not create:
                    raise BrokerError(UNKNOWN_TOPIC_OR_PARTITION)
                self._create(name, self._default_partitions)
            return self._logs[name]

    def log(self, name: str, partition: int) -> PartitionLog:
        logs = self.partitions(name)
        if not 0 <= partition < len(logs):
            raise BrokerError(UNKNOWN_TOPIC_OR_PARTITION)
        return logs[partition]

    def create(self, name: str, count: int) -> None:
        """``count`` -1 takes the default."""
        with self._lock:
            if name in self._logs:
                raise BrokerError(TOPIC_ALREADY_EXISTS)
            self._create(name, self._default_partitions if count == -1 else count)

    def _create(self, name: str, count: int) -> None:
        if not NAME.fullmatch(name):
            raise BrokerError(INVALID_TOPIC)
        if not 1 <= count <= PARTITIONS_MAX:
            raise BrokerError(INVALID_PARTITIONS)
        self._open(name, count)
        self._mark(name, count)

    def _mark(self, name: str, count: int) -> None:
        marker = self._folder / "topics" / name / "partitions"
        fresh = marker.with_suffix(".new")
        fresh.write_text(str(count))
        fresh.replace(marker)

    def grow(self, name: str, count: int) -> None:
        """Add partitions up to ``count``."""
        logs = self.partitions(name)
        with self._lock:
            if not len(logs) < count <= PARTITIONS_MAX:
                raise BrokerError(INVALID_PARTITIONS)
            folder = self._folder / "topics" / name
            logs += [PartitionLog(folder / str(index), **self._limits) for index in range(len(logs), count)]
            self._mark(name, count)

    def delete(self, name: str) -> None:
        self.partitions(name)
        with self._lock:
            del self._logs[name]
            folder = self._folder / "topics" / name
            (folder / "partitions").unlink()
            shutil.rmtree(folder)

    # -- committed offsets

    def commit(self, group: str, offsets: dict[tuple[str, int], tuple[int, str]]) -> None:
        """Keep ``offsets`` ((topic, partition) to (offset, metadata)) for ``group``, on disk when this returns."""
        with self._lock:
            held = self._offsets.setdefault(group, {})
            held.update({f"{topic}/{partition}": value for (topic, partition), value in offsets.items()})
            fresh = self._offsets_file.with_suffix(".new")
            fresh.write_text(json.dumps(self._offsets))
            fresh.replace(self._offsets_file)

    def committed(self, group: str) -> dict[tuple[str, int], tuple[int, str]]:
        with self._lock:
            held = self._offsets.get(group, {})
            parts = {tuple(key.rsplit("/", 1)): value for key, value in held.items()}
            return {(topic, int(partition)): (value[0], value[1]) for (topic, partition), value in parts.items()}
