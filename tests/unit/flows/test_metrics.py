"""Counters of a process and the account that outlives it."""

import numpy as np
from prometheus_client import CollectorRegistry

from connectors.kafka.source import PartitionPosition
from flows.metrics import Account, FlowMetrics
from runtime.outage import OUTAGES
from schemas.columns import BAR, TRADE, BarBatch, TradeBatch
from schemas.rejects import Reason, Reject


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, {"flow": "live", **labels})


def test_a_batch_adds_up() -> None:
    registry = CollectorRegistry()
    metrics = FlowMetrics("live", registry)
    rejects = [Reject(Reason.CORRUPT, "", "trades", 2, offset, 0, None, b"") for offset in (3, 4)]
    metrics.count_batch(TradeBatch("trades", 2, np.zeros(6, TRADE), b"", 8, 8, rejects=rejects), 3, 1, 2)
    outcomes = [
        value(registry, "tapeflow_trades_total", partition="2", outcome=outcome)
        for outcome in ("applied", "duplicate", "late", "rejected")
    ]
    assert outcomes == [3, 1, 2, 2]
    assert value(registry, "tapeflow_records_read_total", partition="2") == sum(filter(None, outcomes))
    assert value(registry, "tapeflow_rejects_total", reason="corrupt") == 2


def test_final_bars_and_late_trades_are_counted_by_interval() -> None:
    registry = CollectorRegistry()
    metrics = FlowMetrics("live", registry)
    rows = np.zeros(3, BAR)
    rows["interval"] = [0, 0, 6]
    metrics.count_finals(BarBatch(["A"], rows))
    metrics.count_cut(2, 5)
    metrics.count_late((4, 0, 0, 0, 0, 0, 0))
    assert value(registry, "tapeflow_bars_final_total", interval="1m") == 2
    assert value(registry, "tapeflow_bars_final_total", interval="1W") == 1
    assert value(registry, "tapeflow_bars_cut_total", partition="2") == 5
    assert value(registry, "tapeflow_late_total", interval="1m") == 4


def test_positions_and_accounts_are_asked_for_at_each_scrape() -> None:
    registry = CollectorRegistry()
    accounts: list[Account] = []
    positions = [PartitionPosition("trades", 1, 40, 50, 10, caught_up=False)]
    FlowMetrics("live", registry).watch(lambda: positions, lambda: accounts, ["kafka"])
    assert value(registry, "tapeflow_lag_records", partition="1") == 10
    assert value(registry, "tapeflow_symbols") == 0
    assert value(registry, "tapeflow_open_transaction_records", partition="1") == 0
    assert value(registry, "tapeflow_server_down", server="kafka") == 0
    with OUTAGES.asking("kafka", "here") as ask:
        ask.failed("refused")
        assert value(registry, "tapeflow_server_down", server="kafka") == 1
    accounts += [Account(1, 5, 10, 4, 3, 2, 1), Account(2, 6, 0, 0, 0, 0, 0)]
    assert value(registry, "tapeflow_symbols") == 11
    assert value(registry, "tapeflow_account_records", partition="1", outcome="read") == 10
    assert value(registry, "tapeflow_account_records", partition="1", outcome="late") == 2


def test_a_worker_shows_what_it_reads_and_what_it_counts() -> None:
    registry = CollectorRegistry()
    metrics = FlowMetrics("live", registry, worker=2)
    positions = [PartitionPosition("trades", partition, 40, 50, 10, caught_up=False) for partition in (2, 5)]
    metrics.watch(lambda: positions, lambda: [Account(5, 5, 10, 4, 3, 2, 1)])
    metrics.count_batch(TradeBatch("trades", 5, np.zeros(6, TRADE), b"", 6, 6), 3, 1, 2)
    assert value(registry, "tapeflow_worker_partitions", worker="2", part="source") == 2
    assert value(registry, "tapeflow_worker_partitions", worker="2", part="state") == 1
    assert value(registry, "tapeflow_worker_records_applied_total", worker="2") == 3
