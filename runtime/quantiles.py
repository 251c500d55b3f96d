"""Quantiles of a histogram that was scraped from a process's metrics.

The demo's screen and the gateway's view of the flows read latencies through it. A quantile is read off the buckets,
linear inside one; a window is the difference of two scrapes.
"""

from collections.abc import Mapping

__all__ = ["Buckets", "quantile_ms"]

Buckets = Mapping[float, float]
"""By upper bound in ms, how many came at or below it."""


def quantile_ms(buckets: Buckets, share: float, before: Buckets | None = None) -> float | None:
    """The ``share`` quantile of what came since ``before``; None: nothing came. The last bucket gives its start."""
    bounds = sorted(buckets)
    counts = [buckets[bound] - (before or {}).get(bound, 0.0) for bound in bounds]
    total = counts[-1] if counts else 0.0
    if total <= 0:
        return None
    wanted, low, under = share * total, 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - under) / max(count - under, 1e-9)
        low, under = bound, count
    return low
