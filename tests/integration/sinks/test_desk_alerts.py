"""Alerts on real servers: kept before they are sent, once by their ids, and no opening undoes a resolution."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from clickhouse_driver import Client

from schemas.desk import DeskAlert
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from sinks.desk_alerts import DeskAlertSink
from tests.servers.redis import RedisServer

OPENED = DeskAlert("lp:A:silent:0-5", "open", 1_000_000, "error", "lp", "A is silent", "m", "analytics", ("Check",))
ENDED = OPENED._replace(state="resolved", time_us=2_000_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def client(clickhouse_dsn: str, clickhouse_database: str) -> Iterator[Client]:
    client = connect(clickhouse_dsn)
    migrate(client, clickhouse_database)
    yield client
    client.disconnect()


def write(sink: DeskAlertSink, *groups: list[DeskAlert]) -> None:
    part = sink.build_part("write", "00000", None)
    for group in groups:
        part.write_batch([group])
    part.snapshot()
    part.close()


def sent(server: RedisServer) -> list[tuple[str, str]]:
    with redis.Redis.from_url(server.url) as client:
        entries: Any = client.xrange("md:events")
    return [(data["id"], data["state"]) for data in (json.loads(fields[b"data"]) for _, fields in entries)]


def test_each_alert_once_and_its_state_only_rises(
    server: RedisServer, client: Client, clickhouse_dsn: str, clickhouse_database: str
) -> None:
    def sink() -> DeskAlertSink:
        return DeskAlertSink(clickhouse_dsn, clickhouse_database, server.url, 1)

    write(sink(), [OPENED], [ENDED])
    write(sink(), [OPENED, ENDED], [OPENED])
    assert sent(server) == [(OPENED.id, "open"), (OPENED.id, "resolved")]
    assert client.execute(f"SELECT id, title, actions FROM {clickhouse_database}.alerts_unique") == [
        (OPENED.id, "A is silent", ["Check"])
    ]
    assert client.execute(f"SELECT id, state FROM {clickhouse_database}.alert_states_final") == [
        (OPENED.id, "resolved")
    ]


def test_an_alert_is_kept_before_it_is_sent(
    server: RedisServer, client: Client, clickhouse_dsn: str, clickhouse_database: str
) -> None:
    sink = DeskAlertSink(clickhouse_dsn, clickhouse_database, server.url, 1)
    part = sink.build_part("write", "00000", None)
    server.kill()
    part.write_batch([[OPENED]])
    while not client.execute(f"SELECT count() FROM {clickhouse_database}.alerts_unique")[0][0]:
        pass
    server.start()
    part.snapshot()
    assert sent(server) == [(OPENED.id, "open")]
    part.close()
