"""Rekey on a real broker: each record once under its symbol whatever is killed, bad ones to the dead letters."""

import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from jobs.produce.encoding import encoder_of
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import KEEP, tape
from tests.property.trade_batches import to_batch
from tests.servers.kafka import make_topic

pytestmark = pytest.mark.thorough

Found = Counter[tuple[bytes | None, bytes | None, int]]
RECORDS = 4_000


@pytest.fixture
def settings(kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    name = uuid.uuid4().hex[:8]
    for key, value in {
        "KAFKA_BOOTSTRAP": kafka_bootstrap, "KAFKA_TOPIC": f"raw-{name}", "REKEY_TOPIC": f"keyed-{name}",
        "RECOVERY_DIR": str(tmp_path / "recovery"), "EPOCH_MS": "200", "BATCH_RECORDS_MAX": "100",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"TAPEFLOW_{key}", value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    make_topic(kafka_bootstrap, settings.kafka_topic, 3, KEEP)
    make_topic(kafka_bootstrap, settings.rekey_topic, 4, KEEP)
    return settings


def feed_unkeyed(settings: Settings, count: int, seed: int) -> Found:
    """Trades on random partitions without keys; gives what the target has to hold, once each."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
    random_, wanted = random.Random(seed), Found()
    trades = tape(count, 60, seed=seed)
    for trade, value in zip(trades, encoder_of(settings)(to_batch(trades)), strict=True):
        producer.produce(settings.kafka_topic, value, partition=random_.randrange(3), timestamp=trade.timestamp_ms)
        wanted[trade.symbol.encode(), value, trade.timestamp_ms] += 1
    assert producer.flush(30) == 0
    return wanted


def held(settings: Settings, topic: str, partitions: int) -> tuple[Found, dict[bytes | None, set[int]]]:
    """Committed records of a topic, and the partitions of each key."""
    consumer = Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found, places, ended = Found(), {}, 0
    while ended < partitions:
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            ended += 1
        else:
            found[message.key(), message.value(), message.timestamp()[1]] += 1
            places.setdefault(message.key(), set()).add(message.partition())
    consumer.close()
    return found, places


def run_until(settings: Settings, wanted: Found, log: Path, kills: int = 0, processes: int = 1) -> None:
    """Kill the flow some times in mid-work, then let it catch up and stop it as an operator would."""
    deadline, random_ = time.monotonic() + 120, random.Random(7)
    for attempt in range(kills + 1):
        wanted.update(feed_unkeyed(settings, 200, seed=100 + attempt))  # there is work left for this attempt
        with log.open("ab") as file:
            flow = FlowProcess("rekey", settings, processes, file)
            before = held(settings, settings.rekey_topic, 4)[0].total()
            flow.start()
            try:
                while True:
                    assert flow.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    total = held(settings, settings.rekey_topic, 4)[0].total()
                    if attempt < kills and total > before + random_.randrange(400):
                        break
                    if total >= wanted.total():
                        break
                if attempt == kills:
                    assert flow.stop(30) == 0
            finally:
                flow.kill()


def test_each_record_stands_once_under_its_symbol(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = feed_unkeyed(settings, RECORDS, seed=1)
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
    producer.produce(settings.kafka_topic, b"no trade", b"k", partition=2)
    assert producer.flush(30) == 0
    run_until(settings, wanted, tmp_path / "rekey.log", kills=3)
    found, places = held(settings, settings.rekey_topic, 4)
    assert found == wanted
    assert all(len(partitions) == 1 for partitions in places.values())
    letters, _ = held(settings, settings.dead_letter_topic, 1)
    assert {value for _, value, _ in letters} == {b"no trade"}
    assert main(["quality", "--topic", settings.rekey_topic, "--json"]) == 0
    assert main(["quality", "--topic", settings.kafka_topic, "--json"]) == 1, "which is why it was re-keyed"


def test_it_goes_on_with_another_number_of_workers_and_without_its_recovery_state(
    settings: Settings, tmp_path: Path
) -> None:
    wanted = feed_unkeyed(settings, RECORDS // 2, seed=2)
    run_until(settings, wanted, tmp_path / "rekey.log", kills=1, processes=2)
    wanted.update(feed_unkeyed(settings, RECORDS // 2, seed=3))
    elsewhere = settings.model_copy(update={"recovery_dir": tmp_path / "another"})
    run_until(elsewhere, wanted, tmp_path / "rekey.log")
    assert held(settings, settings.rekey_topic, 4)[0] == wanted


def test_what_it_would_miss_is_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, line in (
        (["--to", settings.kafka_topic], "into itself"),
        (["--to", "nowhere"], "topic nowhere does not exist"),
        (["--topic", "nowhere", "--processes", "2"], "topic nowhere does not exist"),
    ):
        capsys.readouterr()
        assert main(["rekey", *words]) == 2
        assert line in capsys.readouterr().err
    monkeypatch.setenv("TAPEFLOW_REKEY_TOPIC", "")
    assert main(["rekey"]) == 2
    assert "no topic to write to" in capsys.readouterr().err
