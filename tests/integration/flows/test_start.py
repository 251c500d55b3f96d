"""Starting and resuming: by Bytewax's own runner, and on state that this program must not use."""

import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from clickhouse_driver import Client
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from core.bars.snapshot import SNAPSHOT_VERSION
from processes.runner import FlowProcess, worker_environment
from runtime.settings.whole import Settings, load_settings
from sinks.clickhouse.migrations import migrate
from tests.chaos.world import accounts_of, free_ports_in_a_row, until
from tests.integration.flows.market_feeding import environment, feed, run_history, tape

RECORDS = 300


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    settings = load_settings(redis_url=redis_url, metrics_port=free_ports_in_a_row(1), epoch_ms=500)
    feed(settings, tape(RECORDS, 10))
    return settings


@pytest.mark.parametrize("flow", ["live", "history"])
def test_bytewaxs_own_runner_runs_a_flow_and_a_signal_drains_it(settings: Settings, tmp_path: Path, flow: str) -> None:
    (tmp_path / "state").mkdir()
    subprocess.run([sys.executable, "-m", "bytewax.recovery", str(tmp_path / "state"), "1"], check=True)
    command = [sys.executable, "-m", "bytewax.run", f"flows.{flow}:build()"]
    recovery = ["-r", str(tmp_path / "state"), "-s", "1", "-b", "0"]
    log = tmp_path / "flow.log"
    with log.open("wb") as file:
        child = subprocess.Popen([*command, *recovery], env=worker_environment(settings), stdout=file, stderr=file)
        try:
            metrics = FlowProcess(flow, settings).metrics  # only asks the port
            until(
                lambda: child.poll() is not None
                or sum(each["read"] for each in accounts_of(metrics()).values()) == RECORDS,
                120, "the records to be read",
            )  # fmt: skip
            child.send_signal(signal.SIGTERM)
            assert child.wait(15) == 0, log.read_text()
        finally:
            child.kill()
            child.wait()


def test_kafkas_own_tools_see_how_far_a_flow_is(settings: Settings) -> None:
    topic, flow = settings.kafka_topic, FlowProcess("history", settings)
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})

    def seen() -> int:
        (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("tapeflow-history")]).values()
        return sum(place.offset for place in answer.result(20).topic_partitions if place.topic == topic)

    flow.start()
    try:
        until(lambda: seen() == RECORDS, 60, "the offsets of the group")
    finally:
        flow.kill()


def refused(settings: Settings, log: Path) -> str:
    """The line of a start that must fail soon; nothing may be written meanwhile."""
    with log.open("wb") as file:
        flow = FlowProcess("history", settings, log=file)
        began = time.monotonic()
        flow.start()
        assert flow.wait(30) == 2, log.read_text()
        assert time.monotonic() - began < 10
    lines = [line for line in log.read_text().splitlines() if line.startswith("tapeflow: ")]
    assert len(lines) == 1, log.read_text()
    return lines[0]


@pytest.mark.thorough
def test_state_that_does_not_fit_is_one_line_and_nothing_is_written(settings: Settings, tmp_path: Path) -> None:
    run_history(settings, RECORDS, tmp_path / "first.log")
    client = Client.from_url(settings.clickhouse_dsn)
    count = f"SELECT count() FROM {settings.clickhouse_database}.trades"
    before = client.execute(count)
    folder = settings.recovery_dir / "history"

    path = folder / "state.json"
    description = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({**description, "flow": "live"}))
    assert "is of flow live, not history" in refused(settings, tmp_path / "other.log")
    path.write_bytes(msgspec.json.encode(description))

    run_once(settings.model_copy(update={"source_epoch": 1}), tmp_path / "up.log")
    assert "source_epoch 1, the settings say 0" in refused(settings, tmp_path / "epoch.log")

    for part in folder.glob("part-*.sqlite3"):
        with sqlite3.connect(part) as rows:
            found = "SELECT rowid, ser_change FROM snaps WHERE step_id = 'history.apply_trades'"
            for row, change in rows.execute(found).fetchall():
                fields = msgspec.msgpack.decode(pickle.loads(change))
                fields[0] = SNAPSHOT_VERSION + 1
                changed = pickle.dumps(msgspec.msgpack.encode(fields))
                rows.execute("UPDATE snaps SET ser_change = ? WHERE rowid = ?", (changed, row))
    said = refused(settings, tmp_path / "version.log")
    assert f"version {SNAPSHOT_VERSION + 1}, this program reads 2, 3, {SNAPSHOT_VERSION}" in said
    assert "rebuilt from Kafka" in said

    next(folder.glob("part-*.sqlite3")).unlink()
    assert "isn't whole" in refused(settings, tmp_path / "missing.log")
    assert client.execute(count) == before
    client.disconnect()


def run_once(settings: Settings, log: Path) -> None:
    """The history flow, up and stopped again."""
    with log.open("wb") as file:
        flow = FlowProcess("history", settings, log=file)
        flow.start()
        try:
            until(lambda: accounts_of(flow.metrics()), 60, "the flow to come up")
            assert flow.stop() == 0, log.read_text()
        finally:
            flow.kill()
