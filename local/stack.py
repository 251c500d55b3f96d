"""The embedded stack: Kafka, ClickHouse and Redis for one machine, from pip packages alone, under one folder.

The command ``tapeflow local``, the demo and fault tests use it. Each server is a process of its own with its own log
file. All are answering when ``start`` returns, and none is left when ``stop`` returns. One folder belongs to one stack
at a time. Restarting one server keeps its port and data, so clients see exactly what an outage looks like.
"""

import fcntl
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self

from local import probes
from local.ports import Ports, require_free
from local.process import ServerProcess
from local.redis import bundled_binary, redis_command
from schemas.errors import SettingError

__all__ = ["NICENESS", "Endpoints", "ServerName", "Stack", "in_use"]

ServerName = Literal["kafka", "clickhouse", "redis"]
HOST: Final = "127.0.0.1"
LOCK: Final = "stack.lock"

NICENESS: Final = 10
"""On a machine that does everything, inserts and merges can wait for a moment; what is live can't."""
CLICKHOUSE_SETTINGS: Final = {
    # Sorting out equal keys in each inserted block costs a third of an insert; the merge does it anyway, and readers
    # use FINAL. A real server has it on, so tests do too.
    "optimize_on_insert": "0",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where clients connect, in the form that the settings take."""

    kafka_bootstrap: str
    clickhouse_dsn: str
    redis_url: str

    def environment(self) -> dict[str, str]:
        """The same as environment variables for the other commands."""
        return {
            "TAPEFLOW_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "TAPEFLOW_CLICKHOUSE_DSN": self.clickhouse_dsn,
            "TAPEFLOW_REDIS_URL": self.redis_url,
        }


def in_use(data_dir: Path) -> bool:
    """Whether a stack runs on this folder."""
    try:
        with (data_dir / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class Stack:
    """Three servers with their data and logs under ``data_dir``; ``ports`` None takes free ones.

    Raises SettingError when a port or the folder is taken or can't be written, Unreachable when a server doesn't come
    up.
    """

    def __init__(self, data_dir: Path | str, ports: Ports | None = None) -> None:
        self.data_dir = Path(data_dir).resolve()
        self._wanted = ports or Ports()
        self._servers: dict[ServerName, ServerProcess] = {}
        self._lock_file: IO[str] | None = None
        self.endpoints: Endpoints | None = None

    def start(self) -> Endpoints:
        """Start all three side by side; a few seconds at most."""
        if self.endpoints:
            return self.endpoints
        self._take_folder()
        try:
            ports = Ports(
                kafka=require_free("kafka", self._wanted.kafka),
                clickhouse=require_free("clickhouse", self._wanted.clickhouse),
                redis=require_free("redis", self._wanted.redis),
            )
            self._servers = self._plan(ports)
            for server in self._servers.values():
                server.spawn()
            for server in self._servers.values():
                server.wait_ready()
        except BaseException:
            # Also for Ctrl-C while starting: leave no server behind, then let it go on.
            self.stop()
            raise
        self.endpoints = Endpoints(
            kafka_bootstrap=f"{HOST}:{ports.kafka}",
            clickhouse_dsn=f"clickhouse://default@{HOST}:{ports.clickhouse}",
            redis_url=f"redis://{HOST}:{ports.redis}/0",
        )
        return self.endpoints

    def _take_folder(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            lock_file = (self.data_dir / LOCK).open("a+")
        except OSError as error:
            raise SettingError(
                f"can't write there: {error.strerror}", where=str(self.data_dir), mend="choose another folder"
            ) from error
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock_file.seek(0)
            holder = lock_file.read().strip() or "unknown"
            lock_file.close()
            raise SettingError(
                "another stack runs on this folder",
                where=f"{self.data_dir}, process {holder}",
                mend="stop it or choose another folder",
            ) from error
        lock_file.truncate(0)
        lock_file.write(str(os.getpid()))
        lock_file.flush()
        self._lock_file = lock_file

    def _plan(self, ports: Ports) -> dict[ServerName, ServerProcess]:
        clickhouse = [
            f"--nice={NICENESS}",
            *(f"--setting={name}={value}" for name, value in CLICKHOUSE_SETTINGS.items()),
        ]
        commands: dict[ServerName, tuple[list[str], Callable[[], bool]]] = {
            "clickhouse": (
                self._module("local.clickhouse", "clickhouse", ports.clickhouse) + clickhouse,
                partial(probes.clickhouse_answers, ports.clickhouse),
            ),
            "kafka": (self._module("local.kafka", "kafka", ports.kafka), partial(probes.kafka_answers, ports.kafka)),
            "redis": (
                redis_command(bundled_binary(), self._folder("redis"), ports.redis),
                partial(probes.redis_answers, ports.redis),
            ),
        }
        logs = self.data_dir / "logs"
        return {
            name: ServerProcess(name, command, probe, logs / f"{name}.log", marker=str(self._folder(name)))
            for name, (command, probe) in commands.items()
        }

    def _folder(self, name: ServerName) -> Path:
        folder = self.data_dir / name
        folder.mkdir(exist_ok=True)
        return folder

    def _module(self, module: str, name: ServerName, port: int) -> list[str]:
        return [sys.executable, "-m", module, "--path", str(self._folder(name)), "--host", HOST, "--port", str(port)]

    def server(self, name: ServerName) -> ServerProcess:
        """One server of a started stack, to kill, pause or look at."""
        return self._servers[name]

    def restart(self, name: ServerName, *, crash: bool = False) -> None:
        """Stop one server (with ``crash``: kill it) and start it again on the same port and data."""
        self.server(name).restart(crash=crash)

    def look(self) -> list[ServerName]:
        """The servers that ended though nobody stopped the stack; keeps the logs of all short."""
        for server in self._servers.values():
            server.shorten_log()
        return [name for name, server in self._servers.items() if server.pid is None]

    def stop(self) -> None:
        """Stop what runs, the broker first so that nothing new comes in; safe to call again."""
        for name in ("kafka", "clickhouse", "redis"):
            if name in self._servers:
                self._servers[name].stop()
        self._servers = {}
        self.endpoints = None
        if self._lock_file:
            self._lock_file.close()
            self._lock_file = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
