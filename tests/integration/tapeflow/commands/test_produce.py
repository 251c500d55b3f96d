"""``tapeflow produce`` against a real broker: what it counts, how it keys and paces, what it leaves out."""

import json
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tapeflow.cli import main

ROOT = Path(__file__).parents[4]


def values_of(bootstrap: str, topic: str, partitions: int) -> list[tuple[bytes, bytes, int]]:
    """(key, value, partition) of every record."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found, ended = [], 0
    while ended < partitions:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ended += 1
        else:
            found.append((message.key(), message.value(), message.partition()))
    consumer.close()
    return found


def test_produce_counts_and_keys(
    kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = f"produce-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    words = ["produce", "--synthetic", "--topic", topic, "--trades", "1000", "--symbols", "7", "--format", "json"]
    assert main(words) == 2
    assert f"topic {topic} does not exist" in capsys.readouterr().err
    assert main([*words, "--partitions", "3"]) == 0
    assert capsys.readouterr().out.startswith(f"1000 records delivered to {topic} in ")
    found = values_of(kafka_bootstrap, topic, 3)
    assert len(found) == 1000
    assert all(json.loads(value)["symbol"].encode() == key for key, value, _ in found)
    assert len({(key, partition) for key, _, partition in found}) == 7


def test_produce_paces_a_file_and_says_what_it_left_out(
    kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = f"produce-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    path = ROOT / "tests" / "golden" / "trades.csv"
    assert main(["produce", str(path), "--topic", topic, "--partitions", "1", "--speed", "100"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("15 records delivered")
    assert "2 rows of" in shown.err
    assert len(values_of(kafka_bootstrap, topic, 1)) == 15


class FakeTime:
    """Stands for the module time: moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_produce_ends_after_its_seconds_in_a_gap_too(
    kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = f"produce-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    rows = [f"{1_700_000_000_000_000 + second * 1_000_000},A,1,1,BUY,1\n" for second in (0, 1, 3600)]
    Path("gap.csv").write_text("event_time_us,symbol,price,size,side,trade_id\n" + "".join(rows))
    monkeypatch.setattr("tapeflow.commands.produce.time", FakeTime())
    words = ["produce", "gap.csv", "--topic", topic, "--partitions", "1", "--speed", "1", "--seconds", "2"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(f"2 records delivered to {topic} in 2.0 s")


def test_produce_makes_a_desk_up(
    kafka_bootstrap: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = f"desk-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    words = ["produce", "--kind", "exposure", "--topic", topic, "--partitions", "1"]
    for wrong, said in (
        ([], "has no end"),
        (["--trades", "5", "--speed", "2"], "--speed"),
        (["--trades", "5", "--format", "avro"], "without a frame"),
    ):
        assert main([*words, *wrong]) == 2
        assert said in capsys.readouterr().err
    assert main([*words, "--trades", "40"]) == 0
    assert main([*words, "--rate", "50", "--seconds", "1", "--format", "confluent"]) == 0
    assert f"delivered to {topic} in " in capsys.readouterr().out
    found = values_of(kafka_bootstrap, topic, 1)
    assert [json.loads(value)["symbol"].encode() for _, value, _ in found[:40]] == [key for key, _, _ in found[:40]]
    assert {value[:5] for _, value, _ in found[40:]} == {bytes([0, 0, 0, 0, 6])}
    assert len(found) == 90
