"""Prometheus' own promtool, to test alert rules by the engine that will evaluate them.

Taken from PATH, or from Debian's package: it is downloaded and unpacked into ``.cache/prometheus`` of the checkout,
nothing is installed. Where neither can be had, a test fails in CI and is skipped elsewhere.
"""

import fcntl
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.servers.needs import Missing

__all__ = ["promtool"]

CACHE: Final = Path(__file__).resolve().parents[2] / ".cache" / "prometheus"
DOWNLOAD_S: Final = 120


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of the program."""
    return shutil.which("promtool") or unpacked()


def unpacked() -> str:
    CACHE.mkdir(parents=True, exist_ok=True)
    program = CACHE / "root" / "usr" / "bin" / "promtool"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            try:
                download()
            except (OSError, subprocess.SubprocessError) as error:
                raise Missing(
                    f"needs promtool, or a Debian whose apt-get can download prometheus ({error})",
                    mend="apt install prometheus",
                ) from error
    return str(program)


def download() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        fetch = ["apt-get", "download", "-qq", "prometheus"]
        subprocess.run(fetch, cwd=folder, check=True, timeout=DOWNLOAD_S, capture_output=True)
        (package,) = Path(folder).glob("prometheus_*.deb")
        root = Path(folder) / "root"
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=DOWNLOAD_S)
        root.rename(CACHE / "root")
