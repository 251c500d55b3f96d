"""A real Prometheus for tests: promtool for what rules say, the server for what a scraped system shows.

Both are taken from PATH, or out of Debian's package. Where neither can be had, a test fails in CI and is skipped
elsewhere.
"""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from local.ports import free_port
from local.process import ServerProcess
from tests.servers.debian import unpacked
from tests.servers.process import FolderServer

__all__ = ["PrometheusServer", "promtool"]

ANSWER_S: Final = 30


class PrometheusServer(FolderServer):
    """One server on a free port that scrapes as ``configuration`` (YAML) says; its data lies under ``folder``."""

    def __init__(self, folder: Path, configuration: str, *flags: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(configuration)
        data = folder / "data"
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
            *flags,
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
    return shutil.which(name) or str(unpacked("prometheus", "prometheus") / "usr" / "bin" / name)
