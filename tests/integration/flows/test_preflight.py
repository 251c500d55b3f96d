"""What a flow would miss is one error before anything is written: its topic, its registry, its tables, its Redis."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_driver import Client

from flows.preflight import check_clickhouse, check_flow, check_redis
from flows.reading import read_options
from local.ports import free_port
from runtime.settings.whole import Settings, load_settings
from schemas.errors import MissingObject, SettingError, TapeflowError, Unreachable
from sinks.clickhouse.migrations import migrate
from tests.servers.kafka import make_topic


@pytest.fixture
def settings(kafka_bootstrap: str, clickhouse_dsn: str, clickhouse_database: str, redis_url: str) -> Settings:
    return load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=make_topic(kafka_bootstrap, f"ready-{uuid.uuid4().hex}"),
        clickhouse_dsn=clickhouse_dsn,
        clickhouse_database=clickhouse_database,
        redis_url=redis_url,
    )


def test_where_all_is_there_nothing_is_said(settings: Settings) -> None:
    check_redis(settings)
    check_flow("live", settings)
    check_flow("rekey", settings)
    with pytest.raises(MissingObject, match="tapeflow migrate"):
        check_flow("history", settings)
    with Client.from_url(settings.clickhouse_dsn) as client:
        migrate(client, settings.clickhouse_database)
    check_clickhouse(settings)
    check_flow("history", settings)


def test_a_topic_of_rules_that_forgets_is_refused(settings: Settings, kafka_bootstrap: str) -> None:
    with Client.from_url(settings.clickhouse_dsn) as client:
        migrate(client, settings.clickhouse_database)
    rules = f"rules-{uuid.uuid4().hex}"
    changed = settings.model_copy(update={"alert_rules_topic": rules})
    check_flow("alerts", changed)
    make_topic(kafka_bootstrap, rules, 1, {"cleanup.policy": "compact"})
    check_flow("alerts", changed)
    make_topic(kafka_bootstrap, f"{rules}.armed", 1)
    with pytest.raises(SettingError, match=r"armed has cleanup.policy delete"):
        check_flow("alerts", changed)


@pytest.mark.parametrize(
    ("flow", "changes", "words"),
    [
        ("live", {"kafka_topic": "nowhere-to-be-found"}, "nowhere-to-be-found"),
        ("live", {"redis_url": "redis://127.0.0.1:1/0"}, "Redis"),
        ("history", {"clickhouse_dsn": "clickhouse://127.0.0.1:1"}, "ClickHouse"),
        ("history", {"schema_registry_url": "http://127.0.0.1:1"}, "Schema Registry"),
    ],
)
def test_what_is_missing_is_named(settings: Settings, flow: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TapeflowError, match=words):
        check_flow(flow, settings.model_copy(update=changes))


def test_a_broker_that_is_away_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.preflight.read_options", lambda chosen: replace(read_options(chosen), timeout_ms=500))
    with pytest.raises(Unreachable):
        check_flow("rekey", settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{free_port()}"}))
