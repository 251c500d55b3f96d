"""``tapeflow doctor`` and ``tapeflow migrate`` against real servers: what is missing, and what helps."""

import json
import uuid
from pathlib import Path

import pytest

from tapeflow.cli import main


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
