"""What commands of this folder start from."""

from pathlib import Path

import pytest

from sinks.clickhouse.migrations import migrations
from tapeflow.cli import main


@pytest.fixture
def made() -> int:
    """Rows of a database that was just migrated."""
    return len(list(migrations()))


@pytest.fixture
def migrated(
    clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:  # fmt: skip
    """The working folder of one who has just migrated an empty database."""
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", clickhouse_dsn)
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DATABASE", clickhouse_database)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    capsys.readouterr()
    return tmp_path
