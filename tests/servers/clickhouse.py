"""A ClickHouse server for tests and fault tests: the embedded one, or what ``CLICKHOUSE_DSN`` names.

``clickhouse_dsn`` is one server for the whole run, ``clickhouse_database`` a fresh database in it for one test,
ClickHouseServer one of a test's own, to kill, pause and restart. A server never outlives the process that started it.
Unlike the stack's, this server keeps ClickHouse's own defaults (optimize_on_insert = 1), so that tests see what
production does.
"""

import importlib.util
import os
import sys
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from clickhouse_driver import Client

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from tests.servers.needs import Missing
from tests.servers.process import FolderServer

__all__ = ["ClickHouseServer", "clickhouse_database", "clickhouse_dsn"]


class ClickHouseServer(FolderServer):
    """One embedded server on a free port with its data under ``folder``."""

    def __init__(self, folder: Path, *options: str) -> None:
        if importlib.util.find_spec("chdb") is None:
            raise Missing("needs the package chdb (or CLICKHOUSE_DSN)", mend="pip install 'tapeflow[local]'")
        self.port = free_port()
        self.dsn = f"clickhouse://default@127.0.0.1:{self.port}"
        data = folder / "clickhouse"
        command = [sys.executable, "-m", "local.clickhouse", "--path", str(data), "--port", str(self.port), *options]
        answers = partial(probes.clickhouse_answers, self.port)
        log = folder / "clickhouse.log"
        super().__init__(data, ServerProcess("clickhouse", command, answers, log, marker=str(data)))


@pytest.fixture(scope="session")
def clickhouse_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server shared by the whole run, without a database in the DSN: use ``clickhouse_database``, don't stop it."""
    given = os.environ.get("CLICKHOUSE_DSN")
    if given:
        yield given
        return
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server.dsn


@pytest.fixture
def clickhouse_database(clickhouse_dsn: str) -> Iterator[str]:
    """The name of a fresh Atomic database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    client = Client.from_url(clickhouse_dsn)
    client.execute(f"CREATE DATABASE {name} ENGINE = Atomic")
    yield name
    client.disconnect()
    client.execute(f"DROP DATABASE {name} SYNC")
    client.disconnect()
