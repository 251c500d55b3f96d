"""What a flow's metrics say, for the demo's screen: rates, lag, outcomes, latency.

Takes the samples that FlowProcess.metrics() scrapes, hands Figures to the view and to the proof. Figures are only what
the flow itself exported; nothing is counted here.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["OUTCOMES", "Figures", "figures_of"]

OUTCOMES: Final = ("applied", "duplicate", "late", "rejected")
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


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
