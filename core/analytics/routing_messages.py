"""Messages of the channel routing-metrics: each decision as S1's clients know it, and figures of windows.

core.analytics.routing asks for them. Numbers keep all their digits: a ratio or a mean is a quotient of whole numbers,
rounded once, half to even. A window has one message over all symbols, without their names, and from a minute on one for
each symbol, which only those get who may see it.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final

import msgspec

from core.analytics.sketch import add_counts, percentile
from kernels.decimal_text import from_pair, plain
from schemas.columns import TradeRow
from schemas.desk import SIDE_NAMES, RoutingFigures

__all__ = ["add_figures", "decision_data", "stats_data"]

US_DIGITS: Final = 3
SHARE_DIGITS: Final = 6
SCALE: Final = 10
PERCENTS: Final = (50, 90, 99)
Key = tuple[str, str, str]
"""Symbol, provider, decision."""


def decision_data(row: TradeRow, symbol: str, lp: str, decision: str) -> bytes:
    """Data of ``routing-decision`` for a row of schemas.desk.ROUTING."""
    return msgspec.json.encode(
        {
            "symbol": symbol,
            "side": SIDE_NAMES[row["side"]],
            "volume": _number(from_pair(int(row["volume_hi"]), int(row["volume_lo"])), SCALE),
            "routingDecision": decision,
            "lpSelected": lp,
            "executionTimeMs": _number(int(row["execution_us"]), US_DIGITS),
            "spread": _number(int(row["spread"]), SCALE),
            "slippage": _number(int(row["slippage"]), SCALE),
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
            **_figures(total, total),
            "byDecision": {name: _figures(figures, total) for name, figures in sorted(by_decision.items())},
            "byLP": {name: _figures(figures, total) for name, figures in sorted(by_lp.items())},
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


def _figures(figures: RoutingFigures, total: RoutingFigures) -> dict[str, Any]:
    count = figures.count
    return {
        "count": count,
        "share": _quotient(count, total.count, SHARE_DIGITS),
        "volume": _number(figures.volume, SCALE),
        "volumeShare": _quotient(figures.volume, total.volume, SHARE_DIGITS),
        "executionTimeMs": {
            "mean": _quotient(figures.execution_us_sum, count * 1000, US_DIGITS),
            **_percentiles(figures.execution, US_DIGITS),
            "max": _number(figures.execution_us_max, US_DIGITS),
        },
        "spread": {"mean": _mean(figures.spread_sum, count), **_percentiles(figures.spread, SCALE)},
        "slippage": {
            "mean": _mean(figures.slippage_sum, count),
            **_percentiles(figures.slippage, SCALE),
            "favourable": figures.favourable,
            "adverse": figures.adverse,
        },
    }


def _percentiles(counts: Mapping[int, int], digits: int) -> dict[str, msgspec.Raw]:
    return {f"p{percent}": _number(percentile(counts, percent), digits) for percent in PERCENTS}


def _mean(units: int, count: int) -> msgspec.Raw:
    return _quotient(units, count * 10**SCALE, SCALE)


def _quotient(part: int, whole: int, digits: int) -> msgspec.Raw:
    return _number(round(Fraction(part * 10**digits, whole)) if whole else 0, digits)


def _number(units: int, digits: int) -> msgspec.Raw:
    return msgspec.Raw(plain(units, digits).encode())
