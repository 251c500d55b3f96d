"""Alerts of a desk's routing: orders that are rejected too often, or executed too slowly, in all or at one provider.

core.analytics.routing hands in each minute when the watermark ends it, as it is then: what comes late changes figures,
but no alert. A window with few decisions says nothing. An alert ends with a window that is well within the bound, so
that a figure around it doesn't flap. Ids are made of the window that brought an alert about.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from core.analytics.alerts import routing_alert
from core.analytics.rules import DeskRules
from core.analytics.sketch import add_counts, percentile
from core.analytics.windows import Window
from schemas.alert_states import OPEN, RESOLVED
from schemas.desk import DeskAlert, RoutingFigures

__all__ = ["EXECUTION", "REJECTS", "RoutingWatch"]

REJECTS: Final = "rejects"
EXECUTION: Final = "execution"
KINDS: Final = (REJECTS, EXECUTION)
WELL_WITHIN_PERCENT: Final = 80
"""Of the bound: at or below this an alert ends."""
TOTAL: Final = "total"
Subject = tuple[str, str]
"""What an alert is about: its kind, and the desk as a whole or a provider, as ids spell them."""


class _Measure(NamedTuple):
    """A figure that is bounded, times what makes it and its bound whole numbers."""

    value: int
    bound: int

    @property
    def is_beyond(self) -> bool:
        return self.value > self.bound

    @property
    def is_well_within(self) -> bool:
        return self.value * 100 <= self.bound * WELL_WITHIN_PERCENT


class RoutingWatch:
    """``opened``: ids of alerts that are open."""

    def __init__(self, rules: DeskRules, opened: Mapping[Subject, str] | None = None) -> None:
        self._rules = rules
        self.opened: dict[Subject, str] = dict(opened or {})

    def judge(
        self, window: Window[tuple[str, str, str], RoutingFigures], end_us: int, partition: int
    ) -> Iterator[DeskAlert]:
        """Alerts that a minute opens or ends, in the order of their subjects."""
        bounds = (self._rules.reject_percent, self._rules.execution_p99_us)
        if not any(bounds):
            return
        for name, (count, rejected, execution) in sorted(_sums(window, self._rules).items()):
            if count < self._rules.alert_decisions_min:
                continue
            for kind, bound in zip(KINDS, bounds, strict=True):
                if not bound:
                    continue
                is_share = kind == REJECTS
                told = 100 * rejected // count if is_share else percentile(execution, 99)
                measure = _Measure(100 * rejected, bound * count) if is_share else _Measure(told, bound)
                alert_id = self.opened.get((kind, name), "")
                if not alert_id and measure.is_beyond:
                    alert_id = f"routing:{kind}:{name}:{partition}-{window.start_us // 1000}"
                    self.opened[kind, name] = alert_id
                    yield routing_alert(kind, name, alert_id, OPEN, end_us, told, bound)
                elif alert_id and measure.is_well_within:
                    del self.opened[kind, name]
                    yield routing_alert(kind, name, alert_id, RESOLVED, end_us, told, bound)


def _sums(
    window: Window[tuple[str, str, str], RoutingFigures], rules: DeskRules
) -> dict[str, tuple[int, int, dict[int, int]]]:
    """Decisions, those that were rejections, and execution times by bucket; of the desk and of each provider."""
    found: dict[str, tuple[int, int, dict[int, int]]] = {}
    for (_, lp, decision), cell in window.cells.items():
        for name in (TOTAL, f"lp:{lp}") if lp else (TOTAL,):
            count, rejected, execution = found.get(name, (0, 0, {}))
            add_counts(execution, cell.execution)
            is_rejection = decision in rules.rejections
            found[name] = (count + cell.count, rejected + cell.count * is_rejection, execution)
    return found
