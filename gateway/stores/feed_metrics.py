"""What ``tapeflow ingest`` says of each venue, read out of its metrics for ``/health/flows``.

gateway.stores.flow_metrics hands in two looks at a process. Rates and latencies are those of the time between them;
what isn't known is null.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from runtime.quantiles import Buckets, quantile_ms

__all__ = ["FEED_LABELS", "Values", "VenueStatus", "venues_of"]

Values = Mapping[str, Mapping[tuple[str, ...], float]]
"""Of each name, label values to value."""
FEED_LABELS: Final = {
    "tapeflow_feed_markets": ("venue",),
    "tapeflow_feed_connections": ("venue",),
    "tapeflow_feed_clock_ahead_ms": ("venue",),
    "tapeflow_feed_rows_total": ("venue", "kind"),
    "tapeflow_feed_gaps_total": ("venue", "outcome"),
    "tapeflow_feed_received_ms_bucket": ("venue", "le"),
    "tapeflow_feed_written_ms_bucket": ("venue", "le"),
}


class VenueStatus(msgspec.Struct, rename="camel", kw_only=True):
    """One venue that a process ingests."""

    venue: str
    markets: int = 0
    connections: Annotated[int, Meta(description="That are open; a polled vendor has none")] = 0
    trades_per_s: Annotated[float | None, Meta(description="Sent to Kafka, since the look before")] = None
    quotes_per_s: float | None = None
    received_p50_ms: Annotated[
        float | None, Meta(description="From a trade's time to its arrival, by two clocks, since the look before")
    ] = None
    received_p99_ms: float | None = None
    written_p50_ms: Annotated[
        float | None, Meta(description="From a trade's arrival to Kafka's answer, since the look before")
    ] = None
    written_p99_ms: float | None = None
    clock_ahead_ms: Annotated[
        float | None, Meta(description="The ingester's clock less the venue's, at most; below 0 it is behind")
    ] = None
    gaps_filled: int = 0
    gaps_left: Annotated[int, Meta(description="Gaps whose trades no history had")] = 0


def venues_of(now: Values, before: Values | None, elapsed_s: float) -> list[VenueStatus]:
    """Each venue by its name; ``before`` None: a first look, without rates."""
    names = sorted({labels[0] for name in FEED_LABELS for labels in now.get(name, {})})
    return [_venue(name, now, before, elapsed_s) for name in names]


def _venue(name: str, now: Values, before: Values | None, elapsed_s: float) -> VenueStatus:
    def value(metric: str, *labels: str) -> float:
        return now.get(metric, {}).get((name, *labels), 0.0)

    def rate(kind: str) -> float | None:
        if before is None or elapsed_s <= 0:
            return None
        earlier = before.get("tapeflow_feed_rows_total", {}).get((name, kind), 0.0)
        return round((value("tapeflow_feed_rows_total", kind) - earlier) / elapsed_s, 3)

    def quantile(metric: str, share: float) -> float | None:
        return quantile_ms(_buckets(now, metric, name), share, _buckets(before, metric, name) if before else None)

    return VenueStatus(
        venue=name,
        markets=int(value("tapeflow_feed_markets")),
        connections=int(value("tapeflow_feed_connections")),
        trades_per_s=rate("trades"),
        quotes_per_s=rate("quotes"),
        received_p50_ms=quantile("tapeflow_feed_received_ms_bucket", 0.5),
        received_p99_ms=quantile("tapeflow_feed_received_ms_bucket", 0.99),
        written_p50_ms=quantile("tapeflow_feed_written_ms_bucket", 0.5),
        written_p99_ms=quantile("tapeflow_feed_written_ms_bucket", 0.99),
        clock_ahead_ms=now.get("tapeflow_feed_clock_ahead_ms", {}).get((name,)),
        gaps_filled=int(value("tapeflow_feed_gaps_total", "filled")),
        gaps_left=int(value("tapeflow_feed_gaps_total", "left")),
    )


def _buckets(found: Values, metric: str, venue: str) -> Buckets:
    return {float(le): count for (name, le), count in found.get(metric, {}).items() if name == venue}
