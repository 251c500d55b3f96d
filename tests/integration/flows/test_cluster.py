"""A flow over several hosts, as a StatefulSet starts it: addresses by setting, one volume that lasts, any pods."""

from collections.abc import Callable
from pathlib import Path

import pytest
from clickhouse_driver import Client

from jobs.clickhouse_bars import read_bars
from oracle.comparison import StoredBar
from oracle.truth import OracleBar
from runtime.settings.whole import Settings, load_settings
from sinks.clickhouse.migrations import migrate
from tests.chaos.pods import Pods
from tests.chaos.world import free_ports_in_a_row, until
from tests.integration.flows.market_feeding import environment, feed, tape, truth

pytestmark = pytest.mark.thorough

COUNTS = (1, 3, 2)


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    for name, value in environment(kafka_bootstrap, clickhouse_dsn, clickhouse_database, tmp_path).items():
        monkeypatch.setenv(name, value)
    client = Client.from_url(clickhouse_dsn)
    migrate(client, clickhouse_database)
    client.disconnect()
    return load_settings(epoch_ms=500, idle_close_ms=600_000)


def run_in_turns(settings: Settings, pods: Callable[[int], Pods]) -> None:
    """A third of the market with 1 pod, one with 3, one with 2; what is final then equals the oracle."""
    trades = tape(1500, 40, late_every=50)
    done = 0
    for count in COUNTS:
        feed(settings, trades[done : done + 500])
        done += 500
        with pods(count) as running:
            until(lambda running=running, done=done: running.read() == done, 120, f"{done} records to be read")
            assert running.stop() == [0] * count, [log.read_text()[-500:] for log in running.logs]
    client = Client.from_url(settings.clickhouse_dsn)
    stored = read_bars(client, settings.clickhouse_database)
    client.disconnect()
    expected = {key: bar for key, bar in truth(settings).items() if bar.final}
    assert len(expected) > 100
    assert {key: same(bar) for key, bar in expected.items()} == stored


def same(bar: OracleBar) -> StoredBar:
    return StoredBar(
        (
            bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume, bar.vwap, bar.trade_count,
            bar.buy_volume, bar.stddev, bar.revision, bar.version,
        )
    )  # fmt: skip


def test_pods_find_each_other_by_settings_and_any_number_resumes(settings: Settings) -> None:
    hosts = [f"127.0.0.{number + 2}" for number in range(3)]
    run_in_turns(settings, lambda count: Pods("history", settings, hosts[:count], free_ports_in_a_row(20)))
