"""The counters of quotes after a known batch."""

from prometheus_client import CollectorRegistry

from connectors.kafka.source import PartitionPosition
from core.quotes.book import QuoteOutcomes
from flows.quotes_metrics import QuotesMetrics
from schemas.rejects import Reason, Reject
from tests.property.quote_records import quote, quote_batch


def test_a_batch_is_counted_by_outcome() -> None:
    registry = CollectorRegistry()
    metrics = QuotesMetrics("quotes", registry)
    batch = quote_batch([quote(0), quote(1), quote(2)])
    batch.rejects.append(Reject(Reason.CORRUPT, "", "quotes", 0, 3, 0, None, b""))
    batch.read = 4
    metrics.count_batch(batch, QuoteOutcomes(1, 0, 2))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"flow": "quotes", **labels})

    for outcome, count in (("applied", 1), ("crossed", 0), ("outdated", 2), ("rejected", 1)):
        assert value("tapeflow_quotes_total", partition="0", outcome=outcome) == count
    assert value("tapeflow_records_read_total", partition="0") == 4
    assert value("tapeflow_rejects_total", reason="corrupt") == 1
    metrics.watch(lambda: [PartitionPosition("quotes", 0, 4, 9, 5, caught_up=False)], ["redis"])
    assert value("tapeflow_lag_records", partition="0") == 5
    assert value("tapeflow_server_down", server="redis") == 0
