"""Messages of the channel lp-performance: each record as S1's clients know it, and figures of windows by provider.

core.analytics.lp asks for them. Numbers keep all their digits; means and shares are rounded once, half to even. The
reject rate of a window is that of its quotes: each record's rate weighs as much as the quotes a second that it tells.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.analytics.numbers import SCALE, US_DIGITS, mean_number, number, percentile_numbers, quotient_number
from schemas.columns import TradeRow
from schemas.desk import LpFigures

__all__ = ["lp_fields", "lp_stats_data", "metrics_data"]

PERCENT_DIGITS = 6


def metrics_data(row: TradeRow, lp: str, status: str) -> bytes:
    """Data of ``lp-metrics`` for a row of schemas.desk.LP."""
    return msgspec.json.encode(
        {
            "lpName": lp,
            "status": status,
            "avgSpread": number(int(row["spread"]), SCALE),
            "executionQuality": number(int(row["quality"]), SCALE),
            "latencyMs": number(int(row["latency_us"]), US_DIGITS),
            "quotesPerSecond": number(int(row["quotes"]), SCALE),
            "rejectRate": number(int(row["reject_rate"]), SCALE),
            "uptime": number(int(row["uptime"]), SCALE),
        }
    )


def lp_stats_data(head: Mapping[str, Any], cells: Mapping[str, LpFigures], length_us: int) -> bytes:
    """Data of ``lp-stats``: ``head`` first, then the figures of each provider of a window that is so long."""
    return msgspec.json.encode({**head, "byLP": {lp: lp_fields(each, length_us) for lp, each in cells.items()}})


def lp_fields(figures: LpFigures, length_us: int) -> dict[str, Any]:
    """Fields of a provider's figures in a window that is so long."""
    samples = figures.samples
    return {
        "status": figures.status,
        "samples": samples,
        "uptime": quotient_number(figures.up_us * 100, length_us, PERCENT_DIGITS),
        "statusChanges": figures.changes,
        "avgSpread": mean_number(figures.spread_sum, samples),
        "spread": percentile_numbers(figures.spread, SCALE),
        "executionQuality": mean_number(figures.quality_sum, samples),
        "latencyMs": {
            "mean": quotient_number(figures.latency_us_sum, samples * 1000, US_DIGITS),
            **percentile_numbers(figures.latency, US_DIGITS),
            "max": number(figures.latency_us_max, US_DIGITS),
        },
        "quotesPerSecond": mean_number(figures.quotes_sum, samples),
        "rejectRate": quotient_number(figures.rejects_sum, figures.quotes_sum * 10**SCALE, SCALE),
    }
