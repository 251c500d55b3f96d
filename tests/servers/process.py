"""What the tests' servers have in common: a process on a folder, to kill, pause and restart like a real one.

ClickHouseServer and RedisServer say how it is started and asked. The folder is the server's only memory, and a server
never outlives the process that started it.
"""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from local.process import ServerProcess

__all__ = ["FolderServer"]


class FolderServer:
    """A context manager that starts the server and stops it."""

    def __init__(self, folder: Path, process: ServerProcess) -> None:
        self.folder = folder
        self.process = process

    def start(self) -> Self:
        self.process.start()
        return self

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """What a crash looks like: SIGKILL, the data stays on disk."""
        self.process.kill()

    def restart(self, *, keep_data: bool = True, crash: bool = False) -> None:
        """Down and up again on the same port; without ``keep_data`` it comes back empty."""
        if crash:
            self.kill()
        else:
            self.stop()
        if not keep_data:
            self.wipe()
        self.start()

    def wipe(self) -> None:
        """Forget everything; only while it is down."""
        assert self.process.pid is None
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def pause(self) -> None:
        """The port stays open and nothing answers, until ``resume``."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
