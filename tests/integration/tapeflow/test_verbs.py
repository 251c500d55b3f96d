"""doctor, local, migrate and produce against real servers, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from tapeflow.cli import main

ROOT = Path(__file__).parents[3]
LIMIT_S = 60


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


def test_doctor_knows_what_is_missing_and_what_is_there(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    topic = f"doctor-{uuid.uuid4().hex[:8]}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", topic)
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DSN", clickhouse_dsn)
    monkeypatch.setenv("TAPEFLOW_CLICKHOUSE_DATABASE", clickhouse_database)
    monkeypatch.setenv("TAPEFLOW_REDIS_URL", redis_url)
    assert main(["doctor", "--json"]) == 2
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["kafka"]["state"] == "failed"
    assert found[f"tables in {clickhouse_database}"]["todo"] == "run `tapeflow migrate`"
    assert found["redis"]["state"] == "ok"

    assert main(["migrate"]) == 0
    assert main(["migrate"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["produce", "--synthetic", "--trades", "10", "--partitions", "2"]) == 0
    capsys.readouterr()
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "2 partitions, 10 records kept" in shown
    assert "failed" not in shown


@pytest.mark.parametrize("words", [["local"], ["demo", "--seconds", "1"]])
def test_a_folder_that_cannot_be_written_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    monkeypatch.setenv("TAPEFLOW_DATA_DIR", str(taken / "data"))
    ports = ["--kafka-port", "0", "--clickhouse-port", "0", "--redis-port", "0"] if words == ["local"] else []
    assert main([*words, *ports]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "can't write there" in line
    assert str(taken) in line


def test_local_stack_says_where_it_listens_and_ends_on_interrupt(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("TAPEFLOW_")}
    ports = ["--kafka-port", "0", "--clickhouse-port", "0", "--redis-port", "0", "--data-dir", str(tmp_path / "data")]
    command = [sys.executable, "-c", "import sys; from tapeflow.cli import main; sys.exit(main())", "local", *ports]
    environment = {**bare, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout is not None
            lines = [stack.stdout.readline() for _ in range(3)]
            exported = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            assert set(exported) == {"TAPEFLOW_KAFKA_BOOTSTRAP", "TAPEFLOW_CLICKHOUSE_DSN", "TAPEFLOW_REDIS_URL"}
            migrate = [*command[:3], "migrate"]
            subprocess.run(migrate, env={**environment, **exported}, cwd=tmp_path, timeout=LIMIT_S, check=True)
            stack.send_signal(signal.SIGINT)
            assert stack.wait(LIMIT_S) == 0
        finally:
            stack.kill()
