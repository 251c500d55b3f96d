"""What a flow counts and shows: Prometheus metrics, each named once.

The stateful step reports what each batch did. Per partition, read = applied + duplicate + late + rejected, in these
counters as in the data. Counters begin anew with a process and count what a crash made it read again. The account comes
from recovery state and counts each record once.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from runtime.outage import OUTAGES
from schemas.columns import BarBatch, TradeBatch
from schemas.intervals import INTERVALS

__all__ = ["Account", "FlowMetrics"]

_log = structlog.get_logger()


OUTCOMES: Final = ("applied", "duplicate", "late", "rejected")


class Account(NamedTuple):
    """What became of a partition's records since its state was new: each once, whatever crashed on the way."""

    partition: int
    symbols: int
    read: int
    applied: int
    duplicate: int
    late: int
    rejected: int
    unjudged: int = 0


class _Counted(NamedTuple):
    """The counters of one partition, looked up once: ``outcomes`` in the order of OUTCOMES."""

    read: Counter
    outcomes: tuple[Counter, ...]
    worker_applied: Counter


class FlowMetrics:
    """Metrics of one flow in this process. Cheap per batch; nothing here is called per trade."""

    def __init__(self, flow: str, registry: CollectorRegistry = REGISTRY, worker: int = 0) -> None:
        self.flow = flow
        self.worker = str(worker)
        self.read = Counter("tapeflow_records_read", "Records read", ["flow", "partition"], registry=registry)
        self.trades = Counter(
            "tapeflow_trades",
            "Records by outcome: applied, duplicate, late, rejected",
            ["flow", "partition", "outcome"],
            registry=registry,
        )
        self.rejects = Counter("tapeflow_rejects", "Refused records by reason", ["flow", "reason"], registry=registry)
        self.late = Counter("tapeflow_late", "Trades that an interval refused", ["flow", "interval"], registry=registry)
        self.bars_final = Counter(
            "tapeflow_bars_final", "Final and revised bars published", ["flow", "interval"], registry=registry
        )
        self.bars_cut = Counter(
            "tapeflow_bars_cut", "Bars cut by where the log began", ["flow", "partition"], registry=registry
        )
        self.unjudged = Counter(
            "tapeflow_unjudged", "Trades that may be duplicates", ["flow", "partition"], registry=registry
        )
        self.worker_applied = Counter(
            "tapeflow_worker_records_applied",
            "Records applied by each worker",
            ["flow", "worker"],
            registry=registry,
        )
        self.unknown_sides = Counter(
            "tapeflow_unknown_sides", "Trades whose word of a side nobody knows", ["flow", "word"], registry=registry
        )
        self.rounded = Counter(
            "tapeflow_trades_rounded", "Trades with a number that was rounded", ["flow", "partition"], registry=registry
        )
        self._counted: dict[int, _Counted] = {}
        self._doubled: set[str] = set()
        self._homes: dict[str, int] = {}
        self.doubled = Gauge(
            "tapeflow_symbols_in_two_partitions",
            "Symbols with trades in several partitions",
            ["flow"],
            registry=registry,
        )
        self.doubled.labels(flow)
        self._registry = registry

    def count_batch(self, batch: TradeBatch, applied: int, duplicate: int, late: int) -> None:
        counted = self._counted.get(batch.partition) or self._count(batch.partition)
        if batch.read:
            counted.read.inc(batch.read)
        for counter, count in zip(counted.outcomes, (applied, duplicate, late, len(batch.rejects)), strict=True):
            if count:
                counter.inc(count)
        if applied:
            counted.worker_applied.inc(applied)
        for word, count in batch.unknown_sides.items():
            self.unknown_sides.labels(self.flow, word).inc(count)
        if batch.rounded:
            self.rounded.labels(self.flow, str(batch.partition)).inc(batch.rounded)
        for reject in batch.rejects:
            self.rejects.labels(self.flow, reject.reason.label).inc()

    def _count(self, partition: int) -> _Counted:
        """From here on counters of ``partition`` are there, at 0."""
        name = str(partition)
        counted = self._counted[partition] = _Counted(
            self.read.labels(self.flow, name),
            tuple(self.trades.labels(self.flow, name, outcome) for outcome in OUTCOMES),
            self.worker_applied.labels(self.flow, self.worker),
        )
        return counted

    def count_unjudged(self, partition: int, count: int) -> None:
        """Applied or late trades that may be duplicates: too little is remembered to tell."""
        self.unjudged.labels(self.flow, str(partition)).inc(count)

    def place_symbols(self, partition: int, symbols: Iterable[str]) -> None:
        """Symbols that a partition has trades of, each once: one that another partition of this process has too is
        said."""
        for symbol in symbols:
            home = self._homes.setdefault(symbol, partition)
            if home != partition:
                self.say_doubled(symbol, sorted((home, partition)))

    def say_doubled(self, symbol: str, partitions: Sequence[int]) -> None:
        """Count a symbol with trades in several partitions and log it, once."""
        if symbol not in self._doubled:
            self._doubled.add(symbol)
            self.doubled.labels(self.flow).set(len(self._doubled))
            _log.warning(
                "symbol_split",
                flow=self.flow,
                symbol=symbol,
                partitions=list(partitions),
                consequence="each partition's bars lack the other's trades",
                next="key the topic by symbol, or run `tapeflow rekey`",
            )

    def count_late(self, refused: Iterable[int]) -> None:
        """refused: trades that each interval refused, in the order of INTERVALS."""
        for interval, count in zip(INTERVALS, refused, strict=True):
            if count:
                self.late.labels(self.flow, interval.name).inc(count)

    def count_finals(self, bars: BarBatch) -> None:
        if len(bars):
            for interval, count in enumerate(np.bincount(bars.rows["interval"], minlength=len(INTERVALS)).tolist()):
                self.bars_final.labels(self.flow, INTERVALS[interval].name).inc(count)

    def count_cut(self, partition: int, bars: int) -> None:
        """bars: so many came out final or revised, and weren't published because the log began in them or later."""
        self.bars_cut.labels(self.flow, str(partition)).inc(bars)

    def watch(
        self,
        positions: Callable[[], Iterable[Any]],
        accounts: Callable[[], Iterable[Account]],
        servers: Iterable[str] = (),
    ) -> None:
        """Show lag and position from ``positions`` (objects with partition, next_offset, lag and hidden), what state
        holds, and which of the ``servers`` that the flow needs is awaited."""
        self._registry.register(StateCollector(self.flow, self.worker, positions, accounts, servers))


class StateCollector(Collector):
    """Asks the source for its positions and the shards for their accounts only when somebody scrapes."""

    def __init__(
        self,
        flow: str,
        worker: str,
        positions: Callable[[], Iterable[Any]],
        accounts: Callable[[], Iterable[Account]],
        servers: Iterable[str],
    ) -> None:
        self._flow, self._worker, self._servers = flow, worker, frozenset(servers)
        self._positions, self._accounts = positions, accounts

    def collect(self) -> Iterable[GaugeMetricFamily]:
        lag = GaugeMetricFamily("tapeflow_lag_records", "Records not yet read", labels=["flow", "partition"])
        position = GaugeMetricFamily("tapeflow_position_offset", "Next offset to read", labels=["flow", "partition"])
        hidden = GaugeMetricFamily(
            "tapeflow_open_transaction_records",
            "Offsets behind the first open transaction, not readable yet",
            labels=["flow", "partition"],
        )
        here = GaugeMetricFamily(
            "tapeflow_worker_partitions",
            "Partitions of each worker: read there (source) and counted there (state)",
            labels=["flow", "worker", "part"],
        )
        positions = list(self._positions())
        here.add_metric([self._flow, self._worker, "source"], len(positions))
        for each in positions:
            hidden.add_metric([self._flow, str(each.partition)], each.hidden)
            lag.add_metric([self._flow, str(each.partition)], each.lag)
            position.add_metric([self._flow, str(each.partition)], each.next_offset)
        symbols = GaugeMetricFamily("tapeflow_symbols", "Symbols in state", labels=["flow"])
        kept = GaugeMetricFamily(
            "tapeflow_account_records",
            "Records by outcome since the state was new, over restarts",
            labels=["flow", "partition", "outcome"],
        )
        unjudged = GaugeMetricFamily(
            "tapeflow_account_unjudged",
            "Applied and late trades that may be duplicates, since the state was new, over restarts",
            labels=["flow", "partition"],
        )
        count = 0
        accounts = list(self._accounts())
        here.add_metric([self._flow, self._worker, "state"], len({account.partition for account in accounts}))
        for account in accounts:
            count += account.symbols
            for outcome in ("read", *OUTCOMES):
                kept.add_metric([self._flow, str(account.partition), outcome], getattr(account, outcome))
            unjudged.add_metric([self._flow, str(account.partition)], account.unjudged)
        symbols.add_metric([self._flow], count)
        down = GaugeMetricFamily(
            "tapeflow_server_down", "Whether the flow waits for this server", labels=["flow", "server"]
        )
        awaited = OUTAGES.down()
        for server in sorted(self._servers | awaited):
            down.add_metric([self._flow, server], float(server in awaited))
        return [lag, position, hidden, here, symbols, kept, unjudged, down]
