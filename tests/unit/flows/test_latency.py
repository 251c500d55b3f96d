"""The histogram of whole columns gives what Prometheus' own would, value by value."""

import numpy as np
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

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


def test_a_traced_update_is_the_example_of_its_slowest_bucket() -> None:
    registry = CollectorRegistry()
    histogram = LatencyHistogram("live", BUCKETS, registry)
    histogram.observe(1_000, np.array([999, 994]), "a" * 32)
    histogram.observe(2_000, np.array([1_900, -1]), "b" * 32)
    histogram.observe(3_000, np.array([2_994]))
    lines = [line for line in generate_latest(registry).decode().splitlines() if "_bucket" in line]
    assert [line.partition(" # ")[2] for line in lines] == [
        "", "", f'{{trace_id="{"a" * 32}"}} 6.0 1.0', f'{{trace_id="{"b" * 32}"}} 100.0 2.0',
    ]  # fmt: skip


def test_a_record_from_the_future_took_no_time() -> None:
    registry = CollectorRegistry()
    LatencyHistogram("live", BUCKETS, registry).observe(1_000, np.array([2_000]))
    assert samples(registry)["tapeflow_latency_ms_bucket", "1.0"] == 1
