"""Laws of a flow as a whole, engine included: any cut, any crash, any number of workers gives the oracle's bars.

The step of the history flow runs in the real engine with real recovery files; only brokers and stores are replaced, by
a list and a table that keeps the newest version as a store would.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from core.bars.rules import Rules
from flows.history import HistoryStep, HistoryUpdate
from flows.metrics import FlowMetrics
from flows.reading import partition_key
from oracle.truth import OracleRules, OracleTrade, recompute
from processes.recovery import drop_unfinished
from schemas.columns import TradeBatch
from schemas.shards import part_names, partition_of
from tests.property.trade_batches import bars_of, examples, to_batch, trade_lists

RULES = Rules()
NO_CLOCK = 3_600_000
"""ms; no bar is announced by a clock here."""


class Store:
    """Final bars as ReplacingMergeTree keeps them, and each trade's outcome."""

    def __init__(self) -> None:
        self.bars: dict[tuple[str, str, int], dict[str, object]] = {}
        self.outcomes: dict[tuple[int, int], int] = {}

    def take(self, updates: Sequence[HistoryUpdate]) -> None:
        for update in updates:
            for key, bar in bars_of(update.finals).items():
                held = self.bars.get(key)
                if held is None or bar["version"] >= held["version"]:  # type: ignore[operator]
                    self.bars[key] = bar
            if update.trades is not None:
                for row in update.trades.rows:
                    place = update.trades.partition, int(row["offset"])
                    assert self.outcomes.setdefault(place, int(row["outcome"])) == row["outcome"]


class End:
    """In a log: ends the run once, by a crash or by the end of input."""

    def __init__(self, crash: bool) -> None:
        self.crash, self.is_over = crash, False


class StoreSink(FixedPartitionedSink[HistoryUpdate, None]):
    """Stateful, as our sinks are: only then does the engine wait for what was written."""

    def __init__(self, store: Store, parts: int) -> None:
        self._store, self._parts = store, parts

    def list_parts(self) -> list[str]:
        return part_names(self._parts)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "StorePart":
        return StorePart(self._store)


class StorePart(StatefulSinkPartition[HistoryUpdate, None]):
    def __init__(self, store: Store) -> None:
        self._store = store

    def write_batch(self, values: list[HistoryUpdate]) -> None:
        self._store.take(values)

    def snapshot(self) -> None:
        """All is written already."""


class Crash(Exception):
    """What a power cut is here."""


class LogSource(FixedPartitionedSource[TradeBatch, int]):
    """Parts are partitions, their state the place in the log, as connectors.kafka.source has it."""

    def __init__(self, logs: Sequence[Sequence[TradeBatch | End]]) -> None:
        self._logs = logs

    def list_parts(self) -> list[str]:
        return part_names(len(self._logs))

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "LogPart":
        return LogPart(self._logs[partition_of(for_part)], resume_state or 0)


class LogPart(StatefulSourcePartition[TradeBatch, int]):
    def __init__(self, log: Sequence[TradeBatch | End], place: int) -> None:
        self._log, self._place = log, place

    def next_batch(self) -> list[TradeBatch]:
        while self._place < len(self._log):
            item = self._log[self._place]
            if not isinstance(item, End):
                self._place += 1
                return [dataclasses.replace(item, rows=item.rows.copy())]
            if not item.is_over:
                item.is_over = True
                if item.crash:
                    raise Crash
                raise StopIteration
            self._place += 1
        raise StopIteration

    def snapshot(self) -> int:
        return self._place


def run(logs: Sequence[Sequence[TradeBatch | End]], folder: Path, workers: int, store: Store) -> bool:
    """One execution; False if it crashed."""
    drop_unfinished(folder)
    flow = Dataflow("history")
    batches = op.input("read_trades", flow, LogSource(logs))
    keyed = op.key_on("key_by_partition", batches, partition_key)
    metrics = FlowMetrics("history", CollectorRegistry())
    updates = op.stateful_batch(
        "apply_trades", keyed, lambda state: HistoryStep(RULES, NO_CLOCK, metrics, state, quality=None)
    )
    op.output("write", updates, StoreSink(store, len(logs)))
    try:
        cluster_main(
            flow, [], 0,
            epoch_interval=timedelta(0),
            recovery_config=RecoveryConfig(str(folder)),
            worker_count_per_proc=workers,
        )  # fmt: skip
    except BytewaxRuntimeError as error:
        if not isinstance(error.__cause__, Crash):
            raise
        return False
    return True


def ends_left(logs: Sequence[Sequence[TradeBatch | End]]) -> int:
    return sum(not item.is_over for log in logs for item in log if isinstance(item, End))


def from_zero(trades: list[OracleTrade], partition: int) -> list[OracleTrade]:
    """The same trades as the beginning of a log of their own symbols: nothing came before."""
    first = trades[0].offset
    return [
        trade._replace(partition=partition, offset=trade.offset - first, symbol=f"{trade.symbol}.{partition}")
        for trade in trades
    ]


@settings(max_examples=examples(40))
@given(first=trade_lists(max_size=16), second=trade_lists(max_size=16), data=st.data())
def test_any_cut_crash_and_number_of_workers_gives_the_oracles_bars(
    first: list[OracleTrade], second: list[OracleTrade], data: st.DataObject
) -> None:
    partitions = [from_zero(first, 0), from_zero(second, 1)]
    logs: list[list[TradeBatch | End]] = [[], []]
    for partition, trades in enumerate(partitions):
        done = 0
        while done < len(trades):
            size = data.draw(st.integers(1, len(trades) - done))
            logs[partition].append(to_batch(trades[done : done + size], partition))
            done += size
            if (crash := data.draw(st.sampled_from([None, None, True, False]))) is not None:
                logs[partition].append(End(crash))
    store = Store()
    with tempfile.TemporaryDirectory() as name:
        init_db_dir(Path(name), 2)
        met_an_end = True
        while met_an_end:
            before = ends_left(logs)
            whole = run(logs, Path(name), data.draw(st.integers(1, 3)), store)
            met_an_end = not whole or ends_left(logs) < before
    truth = recompute(partitions[0] + partitions[1], OracleRules(RULES.out_of_order_us, RULES.lateness_us))
    expected = {}
    for (_, *key), bar in truth.bars.items():
        if bar.final:
            expected[tuple(key)] = {
                name: value
                for name, value in bar._asdict().items()
                if name not in ("partition", "symbol", "interval", "start_us")
            }
    assert store.bars == expected
    outcomes = {"applied": 0, "duplicate": 1, "late": 2}
    assert store.outcomes == {place: outcomes[outcome] for place, outcome in truth.outcomes.items()}
