"""The stateful step of the alerts flow: a shard's trades met by its rules, and when rules come in and go.

The shard says which trades are applied; each of them meets the rules (core.alerts.rule_book). At its first batch the
step reads its partition of the armed log and goes on with the states written there. Until it has read what was in the
topic of trades at that moment the armed log is the truth. Only then it takes in what has changed about rules, so that
trades of before fire nothing new. Recovery state is the shard's and what each symbol's trades add up to; rules stand in
the armed log.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from connectors.kafka.compacted import CompactedTopic
from core.alerts.rule_book import Firings, RuleBook
from core.bars.rules import Rules
from flows.alert_metrics import AlertMetrics
from flows.metrics import FlowMetrics
from flows.rule_store import RuleStore
from flows.shard_step import Clock, ShardStep, microseconds, utc_now
from kernels.decimal_text import from_pairs
from schemas.alert_rules import RELATIVE, AlertRule, ArmedRule, Firing, RuleTerms
from schemas.columns import BarBatch, TradeBatch
from schemas.contract import first_sequence
from schemas.errors import StateIncompatible
from sinks.alerts import AlertUpdate

__all__ = ["AlertStep"]

STATE_VERSION: Final = 2
CLOCK_PLACE: Final = 1_000_000
"""Of the first firing that the clock told of, among those of a sequence: behind all that the log tells of."""
LOOK_AGAIN: Final = timedelta(milliseconds=100)

_log = structlog.get_logger()
_rules = msgspec.json.Decoder(AlertRule)
_terms = msgspec.json.Decoder(RuleTerms)
_records = msgspec.json.Decoder(ArmedRule)


class _Frozen(msgspec.Struct, array_like=True):
    version: int
    shard: bytes
    book: bytes


class AlertStep(ShardStep[AlertUpdate]):
    """armed_log: opens a partition of it; end_of: the offset at which a partition of trades ended at the start."""

    def __init__(
        self,
        rules: Rules,
        idle_close_ms: int,
        metrics: FlowMetrics,
        state: bytes | None,
        *,
        store: RuleStore,
        alert_metrics: AlertMetrics,
        armed_log: Callable[[int], CompactedTopic],
        end_of: Callable[[int], int],
        clock: Clock = utc_now,
    ) -> None:
        frozen = None if state is None else _thaw(state)
        super().__init__(rules, idle_close_ms, metrics, None if frozen is None else frozen.shard, clock)
        self._store = store
        self._alert_metrics = alert_metrics
        self._armed_log = armed_log
        self._end_of = end_of
        self._book = _book_of(rules, frozen)
        self._book.add_symbols(self.shard.symbols.names)
        self._is_open = False
        self._catching_up = True
        self._until = 0
        self._unclaimed: list[str] = []
        self._unpriced: list[bytes] = []

    def on_batch(self, values: list[TradeBatch]) -> tuple[Iterable[AlertUpdate], bool]:
        if not self._is_open:
            self._open(values[0].partition)
        return super().on_batch(values)

    def publish(self, batch: TradeBatch | None, finals: BarBatch) -> Iterable[AlertUpdate]:  # noqa: ARG002
        if batch is None:
            return ()
        self._unclaimed += self._book.add_symbols(self.shard.symbols.names)
        firings = self._book.apply(batch.rows, self.shard.arrived, first_sequence(self.shard.rules.source_epoch))
        update = AlertUpdate(self.partition, fired=self._fired(firings), moved=self._book.take_moved())
        out = [update] if update.fired or update.moved else []
        if self._catching_up and (batch.caught_up or batch.next_offset >= self._until):
            self._catching_up = False
            out += self._catch_up()
        elif not self._catching_up:
            out += self._take_changes()
        self._alert_metrics.count(self.partition, len(self._book), len(update.fired))
        return out

    def wake_at(self) -> datetime | None:
        return None if self._catching_up else self.clock() + LOOK_AGAIN

    def on_wake(self) -> Iterable[AlertUpdate]:
        return [*self._take_changes(), *self._tell_silence()]

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(_Frozen(STATE_VERSION, super().snapshot(), self._book.state()))

    @property
    def _sequence(self) -> int:
        """Of the last record read."""
        return self.shard.rules.sequence(self.shard.next_offset - 1)

    def _counted(self, bars: BarBatch) -> BarBatch:
        """Nobody gets bars from here."""
        return bars

    def _open(self, partition: int) -> None:
        """Take in the armed log, and the rules that stand in their topic now."""
        self._is_open, self._until = True, self._end_of(partition)
        self._store.open()
        topic = self._armed_log(partition)
        records: dict[bytes, bytes] = {}
        try:
            for entry in topic.read():
                if entry.value is None:
                    records.pop(entry.key, None)
                else:
                    records[entry.key] = entry.value
        finally:
            topic.close()
        self._unclaimed = list(self.shard.symbols.names)
        self._book.make_room(len(records))
        self._book.restore(map(_records.decode, records.values()), self._sequence)
        _log.info("armed_rules_loaded", partition=partition, rules=len(records))

    def _catch_up(self) -> list[AlertUpdate]:
        """From here on rules change: those that went meanwhile go, and those that came are armed."""
        self._book.release(self._sequence)
        claimed = self._claimed()
        self._store.changes(self.partition)
        gone = [rule_id for rule_id in self._book.ids() if self._store.owner_of(rule_id) != self.partition]
        gone += [rule_id for rule_id in self._book.unplaced_ids() if rule_id not in self._store]
        return self._change(gone, claimed)

    def _take_changes(self) -> list[AlertUpdate]:
        self._store.look()
        changes = self._store.changes(self.partition)
        return self._change(changes.gone, [*changes.rules, *self._claimed()])

    def _claimed(self) -> list[bytes]:
        """Rules of the symbols that had their first trade since the last call."""
        symbols, self._unclaimed = self._unclaimed, []
        return self._store.claim(symbols, self.partition, self._book.version_of) if symbols else []

    def _change(self, gone: Sequence[str], texts: Sequence[bytes]) -> list[AlertUpdate]:
        views = self._store.take_views()
        new: dict[str, bytes] = {}
        replaces = bool(gone)
        waiting, self._unpriced = self._unpriced, []
        for text in [*waiting, *texts]:
            said = _terms.decode(text)
            known = self._book.version_of(said.id)
            if said.condition in RELATIVE and not self._book.has_price(said.symbol):
                self._unpriced.append(text)
            elif said.version > known and said.id in self._store:
                new[said.id] = text
                replaces = replaces or known > 0
        if not (gone or new or views):
            return []
        self._book.remove(gone)
        armed = self._book.arm(list(new.values()), self._sequence)
        return [AlertUpdate(self.partition, gone=gone, armed=armed, views=views, replaces=replaces)]

    def _tell_silence(self) -> list[AlertUpdate]:
        """What the clock has to tell where nothing comes any more (docs/adr/0005-wall-clock-publishes.md)."""
        now = self.clock()
        if self._last_batch_at is None or now - self._last_batch_at < self._idle_close:
            return []
        firings = self._book.tell_silence(microseconds(now), self._sequence)
        fired = [each._replace(basis="clock", place=CLOCK_PLACE + each.place) for each in self._fired(firings)]
        update = AlertUpdate(self.partition, fired=fired, moved=self._book.take_moved())
        self._alert_metrics.count(self.partition, len(self._book), len(fired))
        return [update] if update.fired or update.moved else []

    def _fired(self, firings: Firings) -> list[Firing]:
        out: list[Firing] = []
        before, place = -1, 0
        rows = firings.rows
        prices, values = from_pairs(rows["price_hi"], rows["price_lo"]), from_pairs(rows["value_hi"], rows["value_lo"])
        numbers = zip(rows.tolist(), prices, values, firings.thresholds, firings.rules, strict=True)
        for (sequence, named, time_us, stamp_ms, *_, index), price, value, threshold, text in numbers:
            place = place + 1 if sequence == before else 0
            before = sequence
            out.append(
                Firing(
                    self.partition, sequence, index, place, time_us, stamp_ms, price, threshold, _rules.decode(text),
                    value, named,
                )
            )  # fmt: skip
        return out


def _book_of(rules: Rules, frozen: _Frozen | None) -> RuleBook:
    try:
        return RuleBook(rules.out_of_order_us, None if frozen is None else frozen.book)
    except (msgspec.DecodeError, ValueError) as error:
        raise _incompatible(str(error)) from error


def _thaw(state: bytes) -> _Frozen:
    try:
        frozen = msgspec.msgpack.decode(state, type=_Frozen)
    except msgspec.DecodeError as error:
        raise _incompatible(str(error)) from error
    if frozen.version != STATE_VERSION:
        raise _incompatible(f"version {frozen.version}, this program reads {STATE_VERSION}")
    return frozen


def _incompatible(why: str) -> StateIncompatible:
    return StateIncompatible(
        f"the recovery state can't be used: {why}",
        where="TAPEFLOW_RECOVERY_DIR",
        mend="move the folder away and start again; the state is rebuilt from Kafka",
    )
