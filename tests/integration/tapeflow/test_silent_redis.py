"""Every verb that asks a Redis which takes connections and answers nothing: one line and code 2, or it says it waits.

All are started at once, against one server that is stopped (SIGSTOP), as a server, a Redis Cluster and by Sentinels.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from tests.servers.kafka import make_topic
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

TAPEFLOW = ("-c", "import sys; from tapeflow.cli import main; sys.exit(main())")
VERBS = (
    "run live", "run live --standby", "run quotes", "run analytics", "run alerts", "gateway", "doctor",
    "forget anna --yes", "publish news {}",
)  # fmt: skip
ADDRESSES = ("redis://127.0.0.1:{}/0", "redis+cluster://127.0.0.1:{}", "redis+sentinel://127.0.0.1:{}/market/0")
GIVE_UP_S = 90


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        server.pause()
        yield server
        server.resume()


@pytest.fixture
def given(kafka_bootstrap: str, clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path) -> dict[str, str]:
    client = connect(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    topics = {name: f"silent-{name}-{uuid.uuid4().hex[:8]}" for name in ("kafka", "quotes", "routing", "alert_rules")}
    for name, topic in topics.items():
        make_topic(kafka_bootstrap, topic, 1, {"cleanup.policy": "compact"} if name == "alert_rules" else {})
    settings = {
        "KAFKA_BOOTSTRAP": kafka_bootstrap, "CLICKHOUSE_DSN": clickhouse_dsn,
        "CLICKHOUSE_DATABASE": clickhouse_database, "ANALYTICS_KINDS": "routing", "METRICS_PORT": "0",
        **{f"{name.upper()}_TOPIC": topic for name, topic in topics.items()},
    }  # fmt: skip
    return {**os.environ, **{f"TAPEFLOW_{name}": value for name, value in settings.items()}}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_silent_redis_is_one_line(address: str, silent: RedisServer, given: dict[str, str], tmp_path: Path) -> None:
    asked: list[tuple[str, subprocess.Popen[bytes], Path]] = []
    for number, verb in enumerate(VERBS):
        own = {"TAPEFLOW_REDIS_URL": address.format(silent.port), "TAPEFLOW_RECOVERY_DIR": str(tmp_path / str(number))}
        command, log = [sys.executable, *TAPEFLOW, *verb.split()], tmp_path / f"{number}.log"
        with log.open("wb") as file:
            asked.append((verb, subprocess.Popen(command, env={**given, **own}, stdout=file, stderr=file), log))
    for verb, process, log in asked:
        try:
            code = process.wait(GIVE_UP_S)
        finally:
            process.kill()
        said = log.read_text()
        assert (code, "Traceback" in said) == (2, False), f"{verb}: {said}"
        (line,) = [line for line in said.splitlines() if "Redis does not answer" in line]
        assert "<" not in line, line
        assert verb == "doctor" or said.count("\n") == 1, f"{verb}: {said}"
