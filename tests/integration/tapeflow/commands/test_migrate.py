"""``tapeflow migrate``: says what it did, and once more that there is nothing to do."""

import pytest

from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import check_tables, migrations
from tapeflow.cli import main


def test_it_may_run_any_number_of_times(
    clickhouse_dsn: str, clickhouse_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", clickhouse_dsn)
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DATABASE", clickhouse_database)
    assert main(["migrate"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{clickhouse_database}: applied ")
    assert all(name in said for name, _ in migrations())
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == f"{clickhouse_database}: nothing to do\n"
    with connect(clickhouse_dsn) as client:
        check_tables(client, clickhouse_database)


def test_a_server_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", "clickhouse://me:hidden@127.0.0.1:1")
    assert main(["migrate"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "127.0.0.1:1" in line
    assert "hidden" not in line
