"""The alerts flow: trades in Kafka met by the rules of users, and what fires to Redis and ClickHouse.

Run it with ``tapeflow run alerts`` or ``python -m bytewax.run "flows.alerts:build()"``. It reads the topic of trades on
its own, so live and history go on without it. What fires is a function of the trades and of the armed log
(docs/adr/0036-rules-of-users.md). A crash or a start anew fires nothing twice, and nobody is told of trades that were
over when the rule was armed.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.kafka.compacted import CompactedTopic
from connectors.kafka.options import KafkaReadOptions, Position
from flows.alert_metrics import AlertMetrics
from flows.alert_step import AlertStep
from flows.latency import LatencyHistogram
from flows.lookout import look_after, servers_of
from flows.metrics import FlowMetrics
from flows.preflight import check_alerts
from flows.reading import partition_key, rules_of, trades_source, worker_of
from flows.rule_store import RuleStore
from flows.starting import one_line_errors, start_flow
from runtime.settings.kafka import KafkaSettings
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.alert_rules import Firing
from schemas.names import PRICE_ALERTS_TABLE, armed_topic, undelivered_topic
from sinks.alerts import AlertSink
from sinks.clickhouse.sink import Inserter
from sinks.kafka.armed_log import ArmedLog
from sinks.kafka.sink import ensure_topic
from sinks.kafka.undelivered import UndeliveredAlerts
from sinks.redis.price_alerts import AlertPublisher
from sinks.webhook.sender import WebhookOptions, WebhookSender

__all__ = ["build"]

NAME: Final = "alerts"


def rules_options(settings: KafkaSettings, topic: str) -> KafkaReadOptions:
    return KafkaReadOptions(bootstrap=settings.kafka_bootstrap, topic=topic, properties=settings.kafka_properties)


def make_sink(settings: Settings, shards: int, stop: StopSignal, latency: LatencyHistogram) -> AlertSink:
    """Creates the topics of rules where they are missing."""
    properties: dict[str, Any] = {**settings.kafka_properties}
    rules = settings.alert_rules_topic
    ensure_topic(settings.kafka_bootstrap, rules, config={"cleanup.policy": "compact"}, properties=properties)
    armed = ArmedLog(settings.kafka_bootstrap, armed_topic(rules), shards, properties=properties, stop=stop)
    inserter = Inserter(settings.clickhouse_dsn, settings.clickhouse_database, PRICE_ALERTS_TABLE, stop)

    webhook = make_webhook(settings, stop, properties)

    def written(firings: Sequence[Firing]) -> None:
        stamps_ms = np.array([firing.timestamp_ms for firing in firings], np.int64)
        latency.observe(time.time_ns() // 1_000_000, stamps_ms)

    publisher = AlertPublisher(settings.redis_url, stop)
    return AlertSink(shards, armed, publisher, inserter, webhook=webhook, on_written=written)


def make_webhook(settings: Settings, stop: StopSignal, properties: dict[str, Any]) -> WebhookSender | None:
    """Creates the topic of what can't be delivered where it is missing; None where no webhook is named."""
    if not settings.alert_webhook_url:
        return None
    options = WebhookOptions(
        settings.alert_webhook_url,
        settings.alert_webhook_format,
        settings.alert_webhook_secret,
        settings.alert_webhook_routing_key,
    )
    letters = UndeliveredAlerts(
        settings.kafka_bootstrap, undelivered_topic(settings.alert_rules_topic), properties=properties, stop=stop
    )
    return WebhookSender(options, letters.put, stop)


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None, end: Position | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_alerts)
    metrics, rules = FlowMetrics(NAME, worker=worker_of(settings)), rules_of(settings)
    source = trades_source(settings, stop, end)
    shards = len(source.list_parts())
    sink = make_sink(settings, shards, stop, LatencyHistogram(NAME))
    rules_topic = rules_options(settings, settings.alert_rules_topic)
    armed = rules_options(settings, armed_topic(settings.alert_rules_topic))
    alert_metrics = AlertMetrics()
    store = RuleStore(lambda: CompactedTopic(rules_topic), alert_metrics, keeps_views=worker_of(settings) == 0)
    steps: list[AlertStep] = []

    def end_of(partition: int) -> int:
        return next((each.high_watermark for each in source.positions() if each.partition == partition), 0)

    def apply_trades(state: bytes | None) -> AlertStep:
        step = AlertStep(
            rules, settings.idle_close_ms, metrics, state,
            store=store, alert_metrics=alert_metrics, end_of=end_of,
            armed_log=lambda partition: CompactedTopic(armed, [partition]),
        )  # fmt: skip
        steps.append(step)
        return step

    lookout = look_after(NAME, source, settings, stop)
    metrics.watch(
        lookout.positions,
        lambda: [step.account() for step in steps if step.partition >= 0],
        servers_of(settings, "redis", "clickhouse"),
    )
    flow = Dataflow(NAME)
    batches = op.input("read_trades", flow, source)
    keyed = op.key_on("key_by_partition", batches, partition_key)
    op.output("write_alerts", op.stateful_batch("apply_trades", keyed, apply_trades), sink)
    return flow
