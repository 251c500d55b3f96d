"""What tests of flows and verbs begin with: the servers that all share, and settings in the environment of a test."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.settings.whole import Settings, load_settings
from tapeflow.cli import main


class Stores(NamedTuple):
    """Addresses of the servers, a database and a folder of the test's own."""

    bootstrap: str
    redis_url: str
    dsn: str
    database: str
    folder: Path


@pytest.fixture
def stores(
    kafka_bootstrap: str, redis_url: str, clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path
) -> Stores:
    return Stores(kafka_bootstrap, redis_url, clickhouse_dsn, clickhouse_database, tmp_path)


@pytest.fixture
def migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Takes variables into the environment, makes the tables, and gives the settings; more of them as arguments."""

    def enter(names: Mapping[str, str], **more: object) -> Settings:
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        assert main(["migrate"]) == 0
        return load_settings(**more)

    return enter
