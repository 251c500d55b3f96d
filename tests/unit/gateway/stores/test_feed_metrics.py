"""What the gateway reads of venues is what ``tapeflow ingest`` counts, under the names that it counts by."""

import pytest
from prometheus_client import generate_latest

from gateway.stores.feed_metrics import VenueStatus
from gateway.stores.flow_metrics import Scrape, read_scrape, status_of
from jobs.ingest.metrics import CLOCK_AHEAD_MS, CONNECTED, FOLLOWED, GAPS, RECEIVED_MS, TOLD, WRITTEN_MS

VENUE = "told-to-the-gateway"
BUILD = b'tapeflow_build_info{python="3.11.7",version="9.9"} 1.0\n'


def scrape(at_s: float) -> Scrape:
    return read_scrape(BUILD + generate_latest(), at_s)


def shown(now: Scrape, before: Scrape | None) -> list[VenueStatus]:
    return [each for each in status_of("ingest", 0, now, before).venues if each.venue == VENUE]


def test_a_venue_has_rates_and_latencies_of_the_time_between_two_looks() -> None:
    assert shown(scrape(0.0), None) == []
    CONNECTED.labels(VENUE).set(3)
    FOLLOWED.labels(VENUE).set(70)
    TOLD.labels(VENUE, "trades").inc(1_000)
    RECEIVED_MS.labels(VENUE).observe(50_000)
    first = scrape(10.0)
    (found,) = shown(first, None)
    assert (found.connections, found.markets, found.trades_per_s, found.clock_ahead_ms) == (3, 70, None, None)
    assert found.received_p50_ms is not None
    assert found.received_p50_ms > 10_000
    TOLD.labels(VENUE, "trades").inc(500)
    TOLD.labels(VENUE, "quotes").inc(30)
    RECEIVED_MS.labels(VENUE).observe(150)
    WRITTEN_MS.labels(VENUE).observe(3)
    CLOCK_AHEAD_MS.labels(VENUE).set(-12.5)
    GAPS.labels(VENUE, "filled").inc(2)
    GAPS.labels(VENUE, "left").inc()
    (found,) = shown(scrape(12.0), first)
    assert (found.trades_per_s, found.quotes_per_s, found.clock_ahead_ms) == (250.0, 15.0, -12.5)
    assert found.received_p50_ms == pytest.approx(150)
    assert found.written_p99_ms == pytest.approx(5, abs=0.1)
    assert (found.gaps_filled, found.gaps_left) == (2, 1)


def test_a_flow_has_no_venues() -> None:
    assert status_of("live", 0, read_scrape(BUILD, 1.0), None).venues == []
