"""``tapeflow restore``: looks without touching, brings back, and refuses what is no backup or a damaged one."""

from pathlib import Path

import pytest

from sinks.clickhouse.connection import connect
from tapeflow.cli import main


@pytest.fixture(autouse=True)
def kept(migrated: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["backup", "kept"]) == 0
    capsys.readouterr()
    return migrated / "kept"


def test_it_looks_first_and_brings_back_then(
    clickhouse_dsn: str, clickhouse_database: str, made: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"SELECT count() FROM {clickhouse_database}.schema_migrations"
    with connect(clickhouse_dsn) as client:
        client.execute(f"TRUNCATE TABLE {clickhouse_database}.schema_migrations")
        assert main(["restore", "kept", "--check"]) == 0
        assert capsys.readouterr().out.startswith(f"whole: state of no flow; {made} rows of 1 tables")
        assert client.execute(rows) == [(0,)]
        assert main(["restore", "kept"]) == 0
        assert capsys.readouterr().out.startswith(f"restored: state of no flow; {made} rows")
        assert client.execute(f"{rows} WHERE name = '0001_trades'")[0][0] >= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("restore nowhere", "no backup is there, or it was broken off (nowhere/manifest.json)"),
        ("restore kept --flows live", "the backup holds no state of live (--flows): it has that of none"),
        ("restore kept --by-server Disk('a','b')", "leave --by-server out"),
    ],
)
def test_a_mistake_is_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_damage_is_one_line(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = kept.rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["restore", "kept"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tapeflow: the backup is damaged: ")
    assert str(path.name) in line
