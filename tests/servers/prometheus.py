"""A real Prometheus for tests: promtool for what rules say, the server for what a scraped system shows.

Both are taken from PATH, or from Debian's package: it is downloaded and unpacked into ``.cache/prometheus`` of the
checkout, nothing is installed. Where neither can be had, a test fails in CI and is skipped elsewhere.
"""

import fcntl
import json
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.needs import Missing
from tests.servers.process import FolderServer

__all__ = ["PrometheusServer", "promtool"]

CACHE: Final = Path(__file__).resolve().parents[2] / ".cache" / "prometheus"
DOWNLOAD_S: Final = 120
ANSWER_S: Final = 30


class PrometheusServer(FolderServer):
    """One server on a free port that scrapes as ``configuration`` (YAML) says; its data lies under ``folder``."""

    def __init__(self, folder: Path, configuration: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(configuration)
        data = folder / "data"
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        answers = partial(_is_ready, self.url)
        process = ServerProcess("prometheus", command, answers, folder / "prometheus.log", marker=str(data))
        super().__init__(folder, process)

    def ask(self, path: str, **words: str) -> Any:
        """The ``data`` of an answer of its API; a query that it can't parse raises HTTPError."""
        with urlopen(f"{self.url}/api/v1/{path}?{urlencode(words)}", timeout=ANSWER_S) as answer:
            return json.load(answer)["data"]


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def promtool() -> str:
    """Path of the program."""
    return program("promtool")


def program(name: str) -> str:
    """Path of ``prometheus`` or ``promtool``; raises Missing."""
    return shutil.which(name) or unpacked(name)


def unpacked(name: str) -> str:
    CACHE.mkdir(parents=True, exist_ok=True)
    found = CACHE / "root" / "usr" / "bin" / name
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            try:
                download()
            except (OSError, subprocess.SubprocessError) as error:
                raise Missing(
                    f"needs {name}, or a Debian whose apt-get can download prometheus ({error})",
                    mend="apt install prometheus",
                ) from error
    return str(found)


def download() -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        fetch = ["apt-get", "download", "-qq", "prometheus"]
        subprocess.run(fetch, cwd=folder, check=True, timeout=DOWNLOAD_S, capture_output=True)
        (package,) = Path(folder).glob("prometheus_*.deb")
        root = Path(folder) / "root"
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=DOWNLOAD_S)
        root.rename(CACHE / "root")
