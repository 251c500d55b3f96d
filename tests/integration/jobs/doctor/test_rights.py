"""Logins of few rights on real servers: what the documented least is enough for, and what doctor says of less."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from demo.figures import figures_of
from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import feed, tape, until_running
from tests.servers.certificates import Authority
from tests.servers.kafka_acl import AclBroker
from tests.servers.least_rights import KAFKA_FLOW, REDIS_LIVE
from tests.servers.redis import RedisServer

USER = "flow"


@pytest.fixture(scope="module")
def broker() -> Iterator[AclBroker]:
    with AclBroker(USER) as broker:
        yield broker


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", tls=Authority(tmp_path / "tls").issue("redis")) as server:
        yield server


@pytest.fixture
def settings(
    broker: AclBroker,
    redis_server: RedisServer,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Both servers over TLS by the user of few rights; the topics are there, and nothing is allowed yet."""
    topic = f"few-{uuid.uuid4().hex[:8]}"
    for name, value in {
        "KAFKA_BOOTSTRAP": broker.secured,
        "KAFKA_PROPERTIES": json.dumps(broker.login(USER)),
        "KAFKA_TOPIC": topic,
        "CLICKHOUSE_DSN": clickhouse_dsn,
        "CLICKHOUSE_DATABASE": clickhouse_database,
        "REDIS_URL": f"rediss://{USER}:pass@127.0.0.1:{redis_server.tls_port}/0"
        f"?ssl_ca_certs={tmp_path / 'tls' / 'authority.pem'}",
        "RECOVERY_DIR": str(tmp_path / "recovery"),
        "METRICS_PORT": str(free_port()),
        "DEAD_LETTERS_FROM": "both",
    }.items():
        monkeypatch.setenv(f"TAPEFLOW_{name}", value)
    monkeypatch.chdir(tmp_path)
    for name in (topic, f"{topic}.dead-letter"):
        broker.make_topic(name, 2, {"retention.ms": "-1"})
    assert main(["migrate"]) == 0
    return load_settings()


def grant_kafka(broker: AclBroker, topic: str, *but: str) -> None:
    """The least rights; ``but``: without the operations on resources whose name ends so."""
    for resource, name, *operations in KAFKA_FLOW:
        if not any(name.endswith(each) for each in but):
            broker.allow(USER, resource, name.format(topic=topic), *operations)


def grant_redis(server: RedisServer, *changes: str) -> None:
    with Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", USER, "reset", "on", ">pass", *REDIS_LIVE, *changes)


def doctors(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    capsys.readouterr()
    main(["doctor", "--json"])
    return {each["name"]: each for each in json.loads(capsys.readouterr().out)}


def test_live_runs_on_the_least_rights(
    settings: Settings, broker: AclBroker, redis_server: RedisServer, tmp_path: Path
) -> None:
    grant_kafka(broker, settings.kafka_topic)
    grant_redis(redis_server)
    trades = tape(600, 10)
    feed(settings.model_copy(update={"kafka_bootstrap": broker.bootstrap, "kafka_properties": {}}), trades)
    log = tmp_path / "live.log"
    with log.open("ab") as file:
        flow = FlowProcess("live", settings, log=file)
        flow.start()
        try:
            until_running(flow, log, lambda: figures_of(flow.metrics()).records >= len(trades))
            assert flow.stop(30) == 0
        finally:
            flow.kill()
    assert "AUTHORIZATION" not in log.read_text()
    with Redis.from_url(redis_server.url) as client:
        assert client.exists("price:AAPL", "md:deltas:0") == 2


def test_doctor_is_content_with_the_least_rights(
    settings: Settings, broker: AclBroker, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    grant_kafka(broker, settings.kafka_topic)
    grant_redis(redis_server, "+multi")
    found = doctors(capsys)
    assert {name: each["what"] for name, each in found.items() if each["state"] == "failed"} == {}
    assert found["rights in redis"]["what"] == "all that live needs"
    assert found[f"rights on {settings.kafka_topic}.dead-letter"]["what"] == "all that flows need"
    # It isn't there yet, and only putting records back makes it.
    assert "CREATE" in found[f"rights on {settings.kafka_topic}.dead-letter.requeued"]["what"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["-xadd"], "+xadd"),
        (["-evalsha"], "+evalsha"),
        (["-script|load"], "+script|load"),
        (["resetkeys", "~price:*", "~candle:*", "~candles:*", "~md:*"], "~symbol:*"),
        (["resetkeys", "~other:*"], "~md:* ~price:* ~candle:* ~candles:* ~symbol:*"),
    ],
)
def test_doctor_names_the_right_that_is_missing_in_redis(
    settings: Settings, redis_server: RedisServer, changes: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    grant_redis(redis_server, "+multi", *changes)
    found = doctors(capsys)["rights in redis"]
    assert (found["state"], found["what"]) == ("failed", f"{said} is missing")
    with Redis.from_url(redis_server.url) as client:
        assert client.keys("*") == []


def test_doctor_says_where_redis_does_not_tell(
    settings: Settings, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    grant_redis(redis_server, "-info")
    found = doctors(capsys)
    assert found["redis"]["todo"] == "grant +info"
    assert found["rights in redis"]["state"] == "warning"
    assert "MULTI" in found["rights in redis"]["what"]


def test_doctor_names_the_right_that_is_missing_in_kafka(
    settings: Settings,
    broker: AclBroker,
    redis_server: RedisServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = settings.kafka_topic
    monkeypatch.setenv("TAPEFLOW_KAFKA_PROPERTIES", json.dumps({**broker.login(USER), "group.id": "not-granted"}))
    grant_redis(redis_server)
    broker.allow(USER, "TOPIC", topic, "DESCRIBE")
    found = doctors(capsys)
    assert found[f"rights on {topic}"]["what"] == "READ is missing"
    assert "CREATE" in found[f"rights on {topic}.dead-letter"]["what"]
    assert found[f"rights on {topic}.dead-letter.requeued"]["what"] == "READ, DESCRIBE is missing"
    broker.allow(USER, "TOPIC", f"{topic}.dead-letter", "DESCRIBE")
    found = doctors(capsys)
    assert found[f"rights on {topic}.dead-letter"]["what"] == "WRITE is missing"
    assert found[f"rights on {topic}.dead-letter"]["todo"] == f"grant WRITE on topic {topic}.dead-letter"
    assert found["rights on the group"]["state"] == "warning"
