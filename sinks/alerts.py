"""Writes what users' rules did: firings to Redis and ClickHouse, and the armed log in the order that exactness needs.

Bytewax items are (shard key, AlertUpdate). That rules were armed is acknowledged before anything that follows from it
is written. Firings go to Redis, to ClickHouse and to a webhook by a thread each, so none waits for another. At the end
of an epoch all have everything, then the moves of rules go to the armed log, and only then the epoch may become
durable. So whatever the armed log tells of a rule, its firings up to there are in the stores and on their way.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.alert_rules import ArmedRule, Firing
from schemas.closing import quietly
from schemas.rule_view import RuleView
from schemas.shards import part_names, partition_of
from sinks.clickhouse.price_alerts import price_alert_block
from sinks.clickhouse.sink import Inserter
from sinks.handover import Handover
from sinks.kafka.armed_log import ArmedLog
from sinks.redis.price_alerts import AlertPublisher
from sinks.webhook.sender import WebhookSender

__all__ = ["AlertSink", "AlertUpdate"]

WAITING_MAX: Final = 64
Written = Callable[[Sequence[Firing]], None]


class AlertUpdate(NamedTuple):
    """What one step did, in this order. gone: ids of rules that were taken back; armed: what the armed log says of new
    ones, ``replaces`` where some of them, or of the gone, had been armed before; fired: in order; moved: what became
    of rules. views: what others are to see of rules."""

    partition: int
    gone: Sequence[str] = ()
    armed: Sequence[ArmedRule] = ()
    fired: Sequence[Firing] = ()
    moved: Sequence[ArmedRule] = ()
    views: Sequence[RuleView] = ()
    replaces: bool = False


class AlertSink(FixedPartitionedSink[AlertUpdate, None]):
    """``shards``: how many partitions the trades have. on_written: called with firings that Redis took, by its thread.

    All parts of a worker share one publisher, one inserter and one armed log.
    """

    def __init__(
        self,
        shards: int,
        armed: ArmedLog,
        publisher: AlertPublisher,
        inserter: Inserter,
        *,
        webhook: WebhookSender | None = None,
        on_written: Written = lambda _firings: None,
    ) -> None:
        self._shards = shards
        self._armed = armed
        self._publisher = publisher
        self._inserter = inserter
        self._sender = webhook
        self._on_written = on_written
        self._parts = 0
        self._lock = threading.Lock()
        self._redis: Handover[AlertUpdate] = Handover(self._publish, name="alerts-redis", depth=WAITING_MAX)
        self._clickhouse: Handover[AlertUpdate] = Handover(self._insert, name="alerts-clickhouse", depth=WAITING_MAX)
        self._webhook: Handover[AlertUpdate] = Handover(self._send, name="alerts-webhook", depth=WAITING_MAX)

    def list_parts(self) -> list[str]:
        return part_names(self._shards)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_AlertPart":  # noqa: ARG002
        with self._lock:
            self._parts += 1
        return _AlertPart(self)

    def write(self, update: AlertUpdate) -> None:
        """Hand over one update. Raises what the stores refuse."""
        if update.replaces:
            self.drain()  # the record that is replaced said what these firings come from
        if update.gone or update.armed:
            self._armed.write(update.partition, update.gone, update.armed)
        if update.fired or update.views:
            self._redis.put(update)
        if update.fired:
            self._clickhouse.put(update)
            if self._sender is not None:
                self._webhook.put(update)
        self._armed.note(update.partition, update.moved)

    def drain(self) -> None:
        """Returns when everybody has every firing handed over so far."""
        for lane in (self._redis, self._clickhouse, self._webhook):
            lane.drain()

    def flush(self) -> None:
        """Returns when an epoch may become durable."""
        self.drain()
        self._armed.flush()

    def release(self) -> None:
        """The last part to close ends the threads and the connections."""
        with self._lock:
            self._parts -= 1
            if self._parts:
                return
        for lane in (self._redis, self._clickhouse, self._webhook):
            lane.close()
        with quietly("Redis"):
            self._publisher.close()
        with quietly("ClickHouse"):
            self._inserter.close()
        if self._sender is not None:
            with quietly("the webhook"):
                self._sender.close()

    def _publish(self, updates: list[AlertUpdate]) -> None:
        fired = [firing for update in updates for firing in update.fired]
        if fired:
            self._publisher.publish(fired)
            self._on_written(fired)
        if views := [view for update in updates for view in update.views]:
            self._publisher.keep(views)

    def _send(self, updates: list[AlertUpdate]) -> None:
        assert self._sender is not None
        self._sender.send([firing for update in updates for firing in update.fired])

    def _insert(self, updates: list[AlertUpdate]) -> None:
        self._inserter.insert(price_alert_block([firing for update in updates for firing in update.fired]))


class _AlertPart(StatefulSinkPartition[AlertUpdate, None]):
    def __init__(self, sink: AlertSink) -> None:
        self._sink = sink

    def write_batch(self, values: list[AlertUpdate]) -> None:
        for update in values:
            self._sink.write(update)

    def snapshot(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self._sink.release()
