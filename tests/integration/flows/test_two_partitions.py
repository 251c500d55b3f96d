"""Clients of two partitioners on one topic: both stores hold the same bar, and everybody is told."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from clickhouse_driver import Client
from confluent_kafka import Producer

from jobs.clickhouse_bars import read_bars
from jobs.produce.encoding import encoder_of
from jobs.topic_range import asked_ranges
from jobs.verify import read_options, recompute_ranges
from oracle.comparison import wins
from oracle.truth import OracleBar, OracleResult, OracleTrade
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from schemas.names import EVENTS_STREAM
from sinks.clickhouse.migrations import migrate
from tapeflow.cli import main
from tests.chaos.world import free_ports_in_a_row
from tests.integration.flows.market_feeding import environment, tape, until_running
from tests.property.trade_batches import to_batch
from tests.servers.kafka import make_topic

pytestmark = pytest.mark.thorough

PARTITIONS = 4
PROCESSES = 2
SYMBOLS = [f"S{number}" for number in range(12)]
PARTITIONERS = ("murmur2_random", "consistent_random")
"""Of Java's clients and of librdkafka's."""


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    variables = environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path)
    for name, value in {**variables, "TAPEFLOW_REDIS_URL": redis_url}.items():
        monkeypatch.setenv(name, value)
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    with redis.Redis.from_url(redis_url) as client_now:
        client_now.flushdb()
        yield load_settings(epoch_ms=300, idle_close_ms=600_000)
        client_now.flushdb()


def feed_by_key(settings: Settings, trades: Sequence[OracleTrade]) -> dict[str, set[int]]:
    """Every second trade by the other partitioner; gives the partitions of each symbol."""
    make_topic(settings.kafka_bootstrap, settings.kafka_topic, PARTITIONS, {"retention.ms": "-1"})
    places: dict[str, set[int]] = {symbol: set() for symbol in SYMBOLS}
    values = encoder_of(settings)(to_batch(trades))
    for turn, partitioner in enumerate(PARTITIONERS):
        producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "partitioner": partitioner})
        for trade, value in list(zip(trades, values, strict=True))[turn::2]:
            producer.produce(
                settings.kafka_topic,
                value,
                trade.symbol.encode(),
                timestamp=trade.timestamp_ms,
                on_delivery=lambda _, message: places[message.key().decode()].add(message.partition()),
            )
        assert producer.flush(30) == 0
    return places


def run_flow(name: str, settings: Settings, records: int, log: Path) -> float:
    """Until it has read everything; gives how many doubled symbols its processes counted at most."""

    def sample(wanted: str) -> list[float]:
        return [value for (found, _), value in flow.metrics().items() if found == wanted]

    with log.open("ab") as file:
        moved = settings.model_copy(update={"metrics_port": free_ports_in_a_row(PROCESSES)})
        flow = FlowProcess(name, moved, PROCESSES, log=file)
        flow.start()
        try:
            until_running(flow, log, lambda: sum(sample("tapeflow_records_read_total")) >= records)
            if name == "live":
                until_running(flow, log, lambda: max(sample("tapeflow_symbols_in_two_partitions")) > 0)
            counted = max(sample("tapeflow_symbols_in_two_partitions"))
            assert flow.stop(30) == 0
            return counted
        finally:
            flow.kill()


def recomputed(settings: Settings) -> OracleResult:
    options = read_options(settings)
    return recompute_ranges(options, asked_ranges(options, "earliest", "latest"), settings, lambda *_: None)


def test_both_stores_hold_what_the_rule_decides_and_everybody_is_told(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trades = tape(2_000, 60, symbols=SYMBOLS, partitions=PARTITIONS)
    places = feed_by_key(settings, trades)
    doubled = {symbol: sorted(found) for symbol, found in places.items() if len(found) > 1}
    assert 0 < len(doubled) < len(SYMBOLS)
    logs = {name: tmp_path / f"{name}.log" for name in ("history", "live")}
    for name, log in logs.items():
        assert 0 < run_flow(name, settings, len(trades), log) <= len(doubled) or name == "history"
    best: dict[tuple[str, str, int], OracleBar] = {}
    for bar in recomputed(settings).bars.values():
        key = bar.symbol, bar.interval, bar.start_us
        if bar.final:
            best[key] = max(best.get(key, bar), bar, key=wins)
    client = Client.from_url(settings.clickhouse_dsn)
    stored = read_bars(client, settings.clickhouse_database)
    kept = client.execute(f"SELECT id, title, message, actions FROM {settings.clickhouse_database}.alerts_unique")
    client.disconnect()
    assert {key: (each.version, each.partition) for key, each in stored.items()} == {
        key: (bar.version, bar.partition) for key, bar in best.items()
    }
    with redis.Redis.from_url(settings.redis_url) as now:
        for (symbol, interval, start_us), bar in best.items():
            (held,) = now.zrangebyscore(f"candles:{symbol}:{interval}", start_us // 1000, start_us // 1000)
            said = json.loads(held)
            assert (said["sequence"], said["shard"]) == (bar.version, bar.partition)
        alerts = [json.loads(fields[b"data"]) for _, fields in now.xrange(EVENTS_STREAM)]
    assert {each["symbol"]: each["partitions"] for each in alerts} == doubled
    assert len(alerts) == len(doubled)
    told = [(each["id"], each["title"], each["message"], each["actionItems"]) for each in alerts]
    assert sorted(kept) == sorted(told), "kept in the words in which it was told, over processes too"
    lines = [json.loads(line) for line in logs["live"].read_text().splitlines() if line.startswith("{")]
    told = [line["symbol"] for line in lines if line["event"] == "symbol_split"]
    assert set(told) == set(doubled)
    assert len(told) <= PROCESSES * len(doubled), "once per symbol and process"

    assert main(["verify", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["in_two_partitions"] == doubled
    assert {each["symbol"] for each in found["differences"]} <= set(doubled)
    assert found["differ"] > 0
    assert main(["verify"]) == 1
    symbol, partitions = next(iter(doubled.items()))
    assert f"{symbol} has trades in partitions {', '.join(map(str, partitions))}" in capsys.readouterr().err
    assert main(["replay", "--dry-run", "--diff", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["in_two_partitions"] == doubled
