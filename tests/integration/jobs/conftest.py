"""Settings of a desk whose topics, tables and recovery folder are a test's own, on the servers that all share."""

from pathlib import Path

import pytest

from runtime.settings.whole import Settings, load_settings
from schemas.desk import DESK_KINDS
from tapeflow.cli import main
from tests.integration.flows.desk_feeding import desk_environment


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    redis_url: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    names = desk_environment(kafka_bootstrap, redis_url, clickhouse_dsn, clickhouse_database, tmp_path, *DESK_KINDS)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    return load_settings()
