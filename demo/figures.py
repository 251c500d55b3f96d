"""What a flow's metrics say, for the demo's screen: rates, lag, outcomes, latency quantiles.

Takes the samples that FlowProcess.metrics() scrapes, hands Figures to the view and to the proof. Figures are only what
the flow itself exported; nothing is counted here. Quantiles are read off the histogram's buckets, linear inside one,
and a window is the difference of two scrapes.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["OUTCOMES", "Figures", "figures_of", "quantile_ms"]

OUTCOMES: Final = ("applied", "duplicate", "late", "rejected")
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
Buckets = Mapping[float, float]


@dataclass
class Figures:
    """One scrape. ``outcomes``: partition -> outcome -> records. ``buckets``: latency upper bound in ms -> count."""

    read: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    outcomes: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: dict.fromkeys(OUTCOMES, 0)))
    rejects: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    bars_final: int = 0
    lag: int = 0
    symbols: int = 0
    unjudged: int = 0
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def records(self) -> int:
        return sum(self.read.values())

    def outcome(self, name: str) -> int:
        return sum(each[name] for each in self.outcomes.values())


def figures_of(samples: Samples) -> Figures:
    """Everything at zero where nothing was scraped."""
    found = Figures()
    for (name, labels), value in samples.items():
        label = dict(labels)
        match name:
            case "tapeflow_records_read_total":
                found.read[int(label["partition"])] += int(value)
            case "tapeflow_trades_total":
                found.outcomes[int(label["partition"])][label["outcome"]] += int(value)
            case "tapeflow_unjudged_total":
                found.unjudged += int(value)
            case "tapeflow_rejects_total":
                found.rejects[label["reason"]] += int(value)
            case "tapeflow_bars_final_total":
                found.bars_final += int(value)
            case "tapeflow_lag_records":
                found.lag += max(int(value), 0)
            case "tapeflow_symbols":
                found.symbols += int(value)
            case "tapeflow_latency_ms_bucket":
                found.buckets[float(label["le"])] += value
    return found


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
