"""Writes what users' rules did: firings to Redis and ClickHouse, and the armed log in the order that exactness needs.

Bytewax items are (shard key, AlertUpdate). That rules were armed is acknowledged before anything that follows from it
is written. Firings go to Redis, to ClickHouse and to a webhook by a thread each, so none waits for another. At the end
of an epoch all have everything, then the moves of rules go to the armed log, and only then the epoch may become
durable. So whatever the armed log tells of a rule, its firings up to there are in the stores and on their way.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from schemas.alert_rules import ArmedRule, Firing
from schemas.rule_view import RuleView
from sinks.clickhouse.price_alerts import price_alert_block
from sinks.clickhouse.sink import Inserter
from sinks.handover import Handover
from sinks.kafka.armed_log import ArmedLog
from sinks.redis.price_alerts import AlertPublisher
from sinks.shared import SharedSink
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


class AlertSink(SharedSink[AlertUpdate]):
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
        self._armed = armed
        self._publisher = publisher
        self._inserter = inserter
        self._sender = webhook
        self._on_written = on_written
        self._redis: Handover[AlertUpdate] = Handover(self._publish, name="alerts-redis", depth=WAITING_MAX)
        self._clickhouse: Handover[AlertUpdate] = Handover(self._insert, name="alerts-clickhouse", depth=WAITING_MAX)
        self._webhook: Handover[AlertUpdate] = Handover(self._send, name="alerts-webhook", depth=WAITING_MAX)
        servers = {"Redis": publisher.close, "ClickHouse": inserter.close}
        if webhook is not None:
            servers["the webhook"] = webhook.close
        super().__init__(shards, (self._redis, self._clickhouse, self._webhook), servers)

    def put(self, partition: int, item: AlertUpdate) -> None:  # noqa: ARG002 - it says so itself
        if item.replaces:
            self.drain()  # the record that is replaced said what these firings come from
        if item.gone or item.armed:
            self._armed.write(item.partition, item.gone, item.armed)
        if item.fired or item.views:
            self._redis.put(item)
        if item.fired:
            self._clickhouse.put(item)
            if self._sender is not None:
                self._webhook.put(item)
        self._armed.note(item.partition, item.moved)

    def flush(self) -> None:
        self.drain()
        self._armed.flush()

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
