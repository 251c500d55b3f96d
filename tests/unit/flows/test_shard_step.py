"""The step's duties beside the shard: whole bars only, one count per record, quiet bars, recovery."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from core.bars.rules import Rules
from flows.metrics import FlowMetrics
from flows.shard_step import ShardStep
from schemas.columns import TRADE, BarBatch, TradeBatch
from schemas.errors import StateIncompatible
from schemas.rejects import Reason, Reject
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch
from tests.unit.core.bars.test_shard import at

RULES = Rules()
MONDAY = datetime.fromtimestamp(MONDAY_US / 1e6, UTC)


class Step(ShardStep[BarBatch]):
    def publish(self, batch: TradeBatch | None, finals: BarBatch) -> Iterable[BarBatch]:
        return [finals] if len(finals) else []


class Clock:
    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now


def step(state: bytes | None = None, clock: Clock | None = None, registry: CollectorRegistry | None = None) -> Step:
    return Step(RULES, 10_000, FlowMetrics("test", registry or CollectorRegistry()), state, clock or Clock())


def published(out: Iterable[BarBatch]) -> set[tuple[str, str, int]]:
    return {key for bars in out for key in bars_of(bars)}


def test_a_log_from_its_beginning_gives_every_bar() -> None:
    out, _ = step().on_batch([to_batch([at(0, 1), at(1, 70)])])
    assert published(out) == {("A", "1m", MONDAY_US)}


def test_bars_at_the_edge_of_a_log_that_begins_later_are_never_final() -> None:
    made = step()
    out, _ = made.on_batch([to_batch([at(7, 1), at(8, 70)])])
    assert published(out) == set()
    again = step(made.snapshot())
    out, _ = again.on_batch([to_batch([at(9, 130), at(10, 2)])])
    assert published(out) == {("A", "1m", MONDAY_US + 60_000_000)}, "a revision of the cut bar isn't one either"


def test_a_bar_that_opens_at_a_close_before_the_log_began_is_never_final() -> None:
    made = Step(Rules(previous_close=True), 10_000, FlowMetrics("test", CollectorRegistry()), None, Clock())
    trades = [at(7, 1), at(8, 130, symbol="B"), at(9, 140), at(10, 190, symbol="B"), at(11, 210), at(12, 300)]
    out, _ = made.on_batch([to_batch(trades)])
    minutes = {(symbol, (start_us - MONDAY_US) // 60_000_000) for symbol, name, start_us in published(out)}
    assert minutes == {("A", 3), ("B", 3)}, "minute 2 opens at trades from before, or as old as those"


def test_bars_that_a_topic_made_anew_cuts_are_never_final() -> None:
    made = Step(replace(RULES, source_epoch=1), 10_000, FlowMetrics("test", CollectorRegistry()), None, Clock())
    with capture_logs() as logs:
        out, _ = made.on_batch([to_batch([at(0, 1), at(1, 70), at(2, 130)])])
    assert published(out) == {("A", "1m", MONDAY_US + 60_000_000)}
    [line] = logs
    assert "TAPEFLOW_SOURCE_EPOCH" in line["why"]
    assert "earliest" not in line["mend"], "it would change nothing"


def test_the_edge_is_kafkas_time_where_the_first_trade_was_late() -> None:
    late = at(7, 1)._replace(timestamp_ms=MONDAY_US // 1000 + 100_000)
    out, _ = step().on_batch([to_batch([late, at(8, 62), at(9, 200), at(10, 270)])])
    assert published(out) == {("A", "1m", MONDAY_US + 180_000_000)}


def test_bars_cut_are_counted_and_said_once_with_the_edge_as_a_time() -> None:
    registry = CollectorRegistry()
    made = step(registry=registry)
    with capture_logs() as logs:
        made.on_batch([to_batch([at(7, 1), at(8, 70)])])
        made.on_batch([to_batch([at(9, 2), at(10, 130), at(11, 200)])])
    counts = {
        name: registry.get_sample_value(f"tapeflow_bars_{name}_total", {"flow": "test"} | labels)
        for name, labels in (("cut", {"partition": "3"}), ("final", {"interval": "1m"}))
    }
    assert counts == {"cut": 2, "final": 2}, "the bar of minute 0 and its revision; minutes 1 and 2"
    [line] = logs
    assert (line["log_level"], line["flow"], line["partition"]) == ("warning", "test", 3)
    assert line["bars_that_start_up_to"] == "2025-03-10T00:00:06.000000Z"
    assert "earliest" in line["mend"]
    assert "tapeflow replay" in line["mend"]


def test_a_backfill_read_from_its_end_is_not_silent() -> None:
    registry = CollectorRegistry()
    now_ms = (MONDAY_US + 10**14) // 1000
    with capture_logs() as logs:
        out, _ = step(registry=registry).on_batch(
            [to_batch([at(7 + n, 60 * n)._replace(timestamp_ms=now_ms) for n in range(50)])]
        )
    assert published(out) == set()
    assert len(logs) == 1
    cut = registry.get_sample_value("tapeflow_bars_cut_total", {"flow": "test", "partition": "3"})
    assert cut is not None
    assert cut > 48


def test_an_edge_past_every_calendar_stops_nothing() -> None:
    far = at(7, 1)._replace(timestamp_ms=MONDAY_US * 1000)
    with capture_logs() as logs:
        made = step()
        made.on_batch([to_batch([far, at(8, 200)])])
    assert len(logs) == 1
    out, _ = step(made.snapshot()).on_batch([to_batch([at(9, 400)])])
    assert published(out) == set(), "the state holds the edge"


def test_a_log_from_its_beginning_cuts_and_says_nothing() -> None:
    registry = CollectorRegistry()
    with capture_logs() as logs:
        step(registry=registry).on_batch([to_batch([at(0, 1), at(1, 70), at(2, 200)])])
    assert logs == []
    assert registry.get_sample_value("tapeflow_bars_cut_total", {"flow": "test", "partition": "3"}) is None


def test_the_account_counts_each_record_once_over_a_recovery() -> None:
    made = step()
    batch = to_batch([at(0, 1), at(1, 2)])
    batch.read, batch.rejects = 3, [Reject(Reason.CORRUPT, "", "trades", 3, 2, 0, None, b"")]
    made.on_batch([batch])
    again = step(made.snapshot())
    again.on_batch([to_batch([at(3, 300)]), to_batch([at(4, 1)])])
    account = again.account()
    assert (account.read, account.applied, account.duplicate, account.late, account.rejected) == (5, 3, 0, 1, 1)
    assert account.read == account.applied + account.duplicate + account.late + account.rejected


def test_records_that_were_applied_before_stop_the_flow() -> None:
    made = step()
    made.on_batch([to_batch([at(0, 1), at(1, 2)])])
    with pytest.raises(StateIncompatible, match=r"applied offsets below 2 .* starts at 1"):
        step(made.snapshot()).on_batch([to_batch([at(1, 2)])])


def test_a_quiet_bar_is_announced_once_after_a_recovery_too() -> None:
    clock = Clock()
    made = step(clock=clock)
    made.on_batch([to_batch([at(0, 1)])])
    again = step(made.snapshot(), clock)
    assert again.notify_at() is None, "not before the source says that nothing is left to read"
    again.on_batch([TradeBatch("trades", 3, np.empty(0, TRADE), b"", 0, 1, caught_up=True)])
    assert again.notify_at() == MONDAY + timedelta(seconds=10), "once it is quiet it looks for the next bar"
    clock.now = MONDAY + timedelta(seconds=10)
    assert published(again.on_notify()[0]) == set()
    assert again.notify_at() == MONDAY + timedelta(seconds=70)
    clock.now = MONDAY + timedelta(seconds=70)
    out, _ = again.on_notify()
    assert published(out) == {("A", "1m", MONDAY_US)}
    out, _ = step(again.snapshot(), clock).on_notify()
    assert published(out) == set()
