"""``tapeflow quality`` over a real topic: figures as they were made, refused records, a symbol in two partitions."""

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tapeflow.cli import main
from tapeflow.settings import load_settings
from tests.integration.flows.market_feeding import PARTITIONS, environment, feed, tape

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
