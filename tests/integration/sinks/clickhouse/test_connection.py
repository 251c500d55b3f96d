"""A server that stands still or dies behind the greeting: whoever asks it gets one line, not the driver's own error."""

from pathlib import Path

import pytest

from flows.preflight import check_clickhouse
from runtime.settings.whole import Settings
from schemas.errors import Unreachable
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import check_tables, migrate
from tests.servers.clickhouse import ClickHouseServer


def test_a_question_without_an_answer_is_unreachable(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        check_clickhouse(Settings(clickhouse_dsn=server.dsn))
        dsn = f"{server.dsn}?send_receive_timeout=2"
        with connect(dsn) as client, connect(dsn) as other:
            rows = other.execute_iter("SELECT number FROM numbers(100000000)")
            next(rows)
            server.pause()
            with pytest.raises(Unreachable, match=f"does not answer any more.*{server.port}.*didn't answer in time"):
                check_tables(client, "market")
            server.kill()
            with pytest.raises(Unreachable, match=r"does not answer any more"):
                list(rows)
            with pytest.raises(Unreachable, match=r"does not answer any more"):
                client.execute("SELECT 1")
