"""``tapeflow quality`` over a real topic: figures as they were made, refused records, a symbol in two partitions."""

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer

from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import KEEP, PARTITIONS, environment, feed, make_topic, tape

TRADES = 3_000


def test_figures_of_a_topic(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(kafka_bootstrap, "clickhouse://127.0.0.1:1", "nowhere", tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    trades = tape(TRADES, 120, late_every=100)
    feed(settings, trades)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "enable.idempotence": True})
    producer.produce(settings.kafka_topic, b"no trade", partition=1)
    assert producer.flush(30) == 0

    assert main(["quality", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["read"] == TRADES + 1
    assert {int(key): each["rejected"] for key, each in found["partitions"].items()} == {0: {}, 1: {"bad-frame": 1}}
    assert sum(each["trades"] for each in found["symbols"]) == TRADES
    late = sum(trade.timestamp_ms * 1000 - trade.event_time_us > 10_000_000 for trade in trades)
    assert sum(each["late"] for each in found["partitions"].values()) == late > 0
    assert all(each["out_of_order_max_ms"] > 1_000_000 for each in found["partitions"].values())
    assert found["in_two_partitions"] == {}

    feed(settings, [trades[-1]._replace(partition=(trades[-1].partition + 1) % PARTITIONS)])
    assert main(["quality"]) == 1
    shown = capsys.readouterr()
    assert "out of order" in shown.out
    assert f"{trades[-1].symbol} has trades in partitions 0, 1" in shown.err
    assert main(["quality", "--from", "latest"]) == 2
    assert "holds no record" in capsys.readouterr().err


def test_words_and_fields_that_nobody_knows(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(kafka_bootstrap, "clickhouse://127.0.0.1:1", "nowhere", tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TAPEFLOW_VALUE_FORMAT", "json")
    names = {
        "symbol": "s",
        "price": "data[].p",
        "size": "data[].q",
        "event_time": "data[].t",
        "side": "data[].m",
        "bid": "b",
    }
    monkeypatch.setenv("TAPEFLOW_FIELD_MAP", json.dumps(names))
    monkeypatch.chdir(tmp_path)
    topic = load_settings().kafka_topic
    make_topic(kafka_bootstrap, topic, 1, KEEP)
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "enable.idempotence": True})
    good = {"p": 1.5, "q": 2, "t": 1_700_000_000_000, "m": True}
    for items in ([good, good], [], [good | {"m": False}], [good, good | {"p": "x"}]):
        producer.produce(topic, json.dumps({"s": "ES=F", "data": items}).encode(), partition=0)
    assert producer.flush(30) == 0

    assert main(["quality", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["read"], found["partitions"]["0"]["rejected"]) == (4, {"bad-value": 1})
    assert (found["unknown_sides"], found["unseen_fields"]) == ({"true": 2, "false": 1}, ["b"])
    assert main(["quality"]) == 0
    assert "sides that nobody knows: 'true' 2, 'false' 1" in capsys.readouterr().err
    assert main(["doctor", "--json"]) == 2
    told = {each["name"]: each["what"] for each in json.loads(capsys.readouterr().out)}
    assert told["newest records"] == "4 read, 1 bad-value"
    assert told["sides"] == "sides that nobody knows: 'true' 2, 'false' 1"
    assert told["field map"] == "no record has b, which the field map names"
