"""Messages of the channel routing-metrics: each decision as S1's clients know it, and figures of windows.

core.analytics.routing asks for them. Numbers keep all their digits: a ratio or a mean is a quotient of whole numbers,
rounded once, half to even. A window has one message over all symbols, without their names, and from a minute on one for
each symbol, which only those get who may see it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from core.analytics.numbers import SCALE, US_DIGITS, mean_number, number, percentile_numbers, quotient_number
from core.analytics.sketch import add_counts
from kernels.decimal_text import from_pair
from schemas.columns import TradeRow
from schemas.desk import SIDE_NAMES, RoutingFigures

__all__ = ["add_figures", "decision_data", "figures_fields", "stats_data"]

SHARE_DIGITS: Final = 6
Key = tuple[str, str, str]
"""Symbol, provider, decision."""


def decision_data(row: TradeRow, symbol: str, lp: str, decision: str) -> bytes:
    """Data of ``routing-decision`` for a row of schemas.desk.ROUTING."""
    return msgspec.json.encode(
        {
            "symbol": symbol,
            "side": SIDE_NAMES[row["side"]],
            "volume": number(from_pair(int(row["volume_hi"]), int(row["volume_lo"])), SCALE),
            "routingDecision": decision,
            "lpSelected": lp,
            "executionTimeMs": number(int(row["execution_us"]), US_DIGITS),
            "spread": number(int(row["spread"]), SCALE),
            "slippage": number(int(row["slippage"]), SCALE),
        }
    )


def stats_data(
    head: Mapping[str, Any], cells: Iterable[tuple[Key, RoutingFigures]], symbol: str = ""
) -> bytes:  # fmt: skip
    """Data of ``routing-stats``: ``head`` first, then all figures together, by decision and by provider.

    symbol: whose cells alone count; nothing: all.
    """
    total = RoutingFigures()
    by_decision: dict[str, RoutingFigures] = {}
    by_lp: dict[str, RoutingFigures] = {}
    for (of_symbol, lp, decision), cell in cells:
        if symbol and of_symbol != symbol:
            continue
        for figures in (
            total, by_decision.setdefault(decision, RoutingFigures()), by_lp.setdefault(lp, RoutingFigures()),
        ):  # fmt: skip
            add_figures(figures, cell)
    return msgspec.json.encode(
        {
            **head,
            **({"symbol": symbol} if symbol else {}),
            **figures_fields(total, total),
            "byDecision": {name: figures_fields(figures, total) for name, figures in sorted(by_decision.items())},
            "byLP": {name: figures_fields(figures, total) for name, figures in sorted(by_lp.items())},
        }
    )


def add_figures(figures: RoutingFigures, more: RoutingFigures) -> None:
    """Add ``more`` to ``figures``."""
    figures.count += more.count
    figures.volume += more.volume
    figures.spread_sum += more.spread_sum
    figures.slippage_sum += more.slippage_sum
    figures.execution_us_sum += more.execution_us_sum
    figures.execution_us_max = max(figures.execution_us_max, more.execution_us_max)
    figures.favourable += more.favourable
    figures.adverse += more.adverse
    figures.version = max(figures.version, more.version)
    add_counts(figures.execution, more.execution)
    add_counts(figures.spread, more.spread)
    add_counts(figures.slippage, more.slippage)


def figures_fields(figures: RoutingFigures, total: RoutingFigures) -> dict[str, Any]:
    """Fields of ``figures``, of which ``total`` are all: shares are of its count and volume."""
    count = figures.count
    return {
        "count": count,
        "share": quotient_number(count, total.count, SHARE_DIGITS),
        "volume": number(figures.volume, SCALE),
        "volumeShare": quotient_number(figures.volume, total.volume, SHARE_DIGITS),
        "executionTimeMs": {
            "mean": quotient_number(figures.execution_us_sum, count * 1000, US_DIGITS),
            **percentile_numbers(figures.execution, US_DIGITS),
            "max": number(figures.execution_us_max, US_DIGITS),
        },
        "spread": {"mean": mean_number(figures.spread_sum, count), **percentile_numbers(figures.spread, SCALE)},
        "slippage": {
            "mean": mean_number(figures.slippage_sum, count),
            **percentile_numbers(figures.slippage, SCALE),
            "favourable": figures.favourable,
            "adverse": figures.adverse,
        },
    }
