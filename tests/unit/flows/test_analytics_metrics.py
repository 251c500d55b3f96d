"""What the analytics flow counts of a known batch, and what it shows of positions."""

from prometheus_client import CollectorRegistry

from connectors.kafka.source import PartitionPosition
from flows.analytics_metrics import DeskMetrics
from schemas.rejects import Reason, Reject
from tests.property.desk_records import decision, routing_batch


def test_a_batch_and_a_position() -> None:
    registry = CollectorRegistry()
    metrics = DeskMetrics("analytics", registry)
    batch = routing_batch([decision(0), decision(1), decision(2)])
    batch.rejects = [Reject(Reason.CORRUPT, "", batch.topic, 0, 3, 0, None, b"x")]
    metrics.count_batch(batch, 1)
    metrics.watch(lambda: [PartitionPosition("routing-decisions", 1, 7, 9, 2, caught_up=False)], ["kafka"])

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"flow": "analytics", **labels})

    place = "routing-decisions/0"
    counts = [
        value("tapeflow_desk_records_total", partition=place, outcome=outcome)
        for outcome in ("applied", "late", "rejected")
    ]
    assert counts == [2, 1, 1]
    assert value("tapeflow_records_read_total", partition=place) == 3
    assert value("tapeflow_rejects_total", reason="corrupt") == 1
    assert value("tapeflow_lag_records", partition="routing-decisions/1") == 2
    assert value("tapeflow_position_offset", partition="routing-decisions/1") == 7
    assert value("tapeflow_server_down", server="kafka") == 0
