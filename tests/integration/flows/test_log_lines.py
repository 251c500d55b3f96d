"""What a healthy flow says: how it started and with what, that it has caught up, that it stopped; each line JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from processes.runner import FlowProcess
from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import environment, feed, tape, until_running


def lines(log: Path) -> list[dict[str, Any]]:
    """Every line; raises ValueError when one isn't JSON."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_two_workers_say_what_they_do_and_nothing_else(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path) | {
        "TAPEFLOW_LOG_FORMAT": "json",
        "TAPEFLOW_SCHEMA_REGISTRY_PASSWORD": "hush-hush",
        "TAPEFLOW_INSERT_ROWS_MAX": "5000",
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    settings = load_settings(metrics_port=0)
    trades = tape(1_000, 30)
    feed(settings, trades)
    log = tmp_path / "history.log"
    for resumed in (False, True):
        log.unlink(missing_ok=True)
        with log.open("ab") as file:
            flow = FlowProcess("history", settings, processes=2, log=file)
            flow.start()
            try:
                until_running(flow, log, lambda: log.read_text().count('"flow_caught_up"') == 2)
                assert flow.stop(30) == 0
            finally:
                flow.kill()
        said = lines(log)
        assert {(line["flow"], line["process"]) for line in said} == {("history", 0), ("history", 1)}
        started = [line for line in said if line["event"] == "flow_started"]
        offsets = {partition: offset for line in started for partition, offset in line["offsets"].items()}
        ends = [sum(trade.partition == partition for trade in trades) for partition in (0, 1)]
        assert offsets == ({"0": ends[0], "1": ends[1]} if resumed else {"0": 0, "1": 0})
        stopped = [line for line in said if line["event"] == "flow_stopped"]
        assert len(stopped) == 2
        for line in (*started, *stopped):
            assert line["settings"]["insert_rows_max"] == 5000
            assert line["settings"]["schema_registry_password"] == "***"
            assert line["version"]
        for line in started:
            assert line["resumed"] is resumed
            assert line["topic"] == settings.kafka_topic
            assert "dead_letter_topic" not in line["settings"]
            assert {"recovery_dir", "metrics_ports"} <= set(line)
        read = sum(line["offsets_read"] for line in said if line["event"] == "flow_caught_up")
        assert read == (0 if resumed else len(trades))
        assert [line["event"] for line in said].count("peers_awaited") == 2
    assert "hush" not in log.read_text()


def test_a_refusal_is_json_too_where_the_log_is_asked_to_be(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEFLOW_LOG_FORMAT", "json")
    monkeypatch.setenv("TAPEFLOW_KAFKA_BOOTSTRAP", kafka_bootstrap)
    monkeypatch.setenv("TAPEFLOW_RECOVERY_DIR", str(tmp_path))
    log = tmp_path / "live.log"
    with log.open("ab") as file:
        flow = FlowProcess("live", load_settings(metrics_port=0, kafka_topic="no-such-topic"), log=file)
        flow.start()
        try:
            assert flow.wait(60) == 2
        finally:
            flow.kill()
    (line,) = lines(log)
    assert (line["event"], line["flow"], line["exit_code"]) == ("flow_refused", "live", 2)
    assert "no-such-topic" in line["error"]
