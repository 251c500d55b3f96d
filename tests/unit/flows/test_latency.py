"""The histogram of whole columns gives what Prometheus' own would, value by value."""

import numpy as np
from prometheus_client import CollectorRegistry, Histogram

from flows.latency import LatencyHistogram

BUCKETS = (1, 5, 10)


def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_it_counts_as_prometheus_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = LatencyHistogram("live", BUCKETS, ours)
    reference = Histogram("tapeflow_latency_ms", "x", ["flow"], buckets=BUCKETS, registry=theirs).labels("live")
    values = [0, 1, 2, 5, 6, 10, 11, 5000]
    histogram.observe(10_000, 10_000 - np.array(values[:3]))
    histogram.observe(10_000, 10_000 - np.array(values[3:]))
    for value in values:
        reference.observe(value)
    assert samples(ours) == samples(theirs)


def test_records_without_a_timestamp_are_not_counted() -> None:
    registry = CollectorRegistry()
    histogram = LatencyHistogram("live", BUCKETS, registry)
    histogram.observe(1_000, np.array([-1, 998, -1]))
    histogram.observe(1_000, np.array([-1]))
    histogram.observe(1_000, np.array([], np.int64))
    found = samples(registry)
    assert found["tapeflow_latency_ms_count", ""] == 1
    assert found["tapeflow_latency_ms_sum", ""] == 2


def test_a_record_from_the_future_took_no_time() -> None:
    registry = CollectorRegistry()
    LatencyHistogram("live", BUCKETS, registry).observe(1_000, np.array([2_000]))
    assert samples(registry)["tapeflow_latency_ms_bucket", "1.0"] == 1
