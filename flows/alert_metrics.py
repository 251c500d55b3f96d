"""What the alerts flow counts of users' rules, beside what every flow counts of trades.

Steps report per batch; what a crash made it do again counts again, though it reaches nobody twice.
"""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

__all__ = ["AlertMetrics"]


class AlertMetrics:
    """Made once per process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._rules = Gauge(
            "tapeflow_alert_rules", "Rules of users in a partition, whatever their state", ["partition"],
            registry=registry,
        )  # fmt: skip
        self._fired = Counter("tapeflow_alerts_fired", "Rules that fired", ["partition"], registry=registry)
        self._refused = Counter(
            "tapeflow_alert_rules_refused", "Records of the topic of rules that are no rule", registry=registry
        )

    def count(self, partition: int, rules: int, fired: int) -> None:
        self._rules.labels(str(partition)).set(rules)
        self._fired.labels(str(partition)).inc(fired)

    def count_refused(self) -> None:
        self._refused.inc()
