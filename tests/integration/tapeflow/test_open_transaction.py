"""A transaction that nobody ended hides what lies behind it: doctor, verify and the metric of a flow say so."""

import json
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.kafka.ends import TopicEnds
from flows.reading import read_options
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import ensure_topic
from runtime.settings.whole import Settings, load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import environment, run_history, tape
from tests.property.trade_batches import to_batch


@pytest.fixture
def settings(
    kafka_bootstrap: str, clickhouse_dsn: str, clickhouse_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    made = load_settings()
    ensure_topic(kafka_bootstrap, made.kafka_topic, 1)
    return made


def test_records_behind_an_open_transaction_are_said(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trades = tape(40, 5)
    values = encoder_of(settings)(to_batch(trades))

    def send(producer: Producer, first: int, last: int) -> None:
        for trade, value in zip(trades[first:last], values[first:last], strict=True):
            producer.produce(settings.kafka_topic, value, trade.symbol.encode(), partition=0)
        assert producer.flush(30) == 0

    open_one = Producer({"bootstrap.servers": settings.kafka_bootstrap, "transactional.id": uuid.uuid4().hex})
    open_one.init_transactions(30)
    open_one.begin_transaction()
    send(open_one, 0, 5)
    capsys.readouterr()
    assert main(["verify"]) == 2
    line = capsys.readouterr().err
    assert "records lie behind an open transaction: 5 of partition 0 from offset 0" in line
    open_one.commit_transaction(30)
    plain = Producer({"bootstrap.servers": settings.kafka_bootstrap})
    send(plain, 5, 20)
    open_one.begin_transaction()
    send(open_one, 20, 25)
    send(plain, 25, 40)
    run_history(settings, 20, tmp_path / "history.log")

    end = TopicEnds(read_options(settings)).ask([0])[0]
    assert (end.stable, end.high, end.hidden) == (21, 41, 20)
    said = "records lie behind an open transaction: 20 of partition 0 from offset 21"
    assert main(["verify", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["hidden"] == said
    assert said in shown.err
    main(["doctor", "--json"])
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["open transaction"]["state"] == "warning"
    assert found["open transaction"]["what"] == said

    open_one.abort_transaction(30)
    run_history(settings, 15, tmp_path / "history.log")
    assert main(["verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hidden"] == ""
