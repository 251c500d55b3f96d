"""A minute of routing that is judged: bounds, too few decisions, hysteresis, providers, what was kept."""

import numpy as np
import pytest

from core.analytics.routing_watch import RoutingWatch
from core.analytics.rules import DeskRules
from core.analytics.sketch import buckets_of
from core.analytics.windows import Window
from schemas.desk import DeskAlert, RoutingFigures

MINUTE = 60_000_000
RULES = DeskRules(0, 0, 500, reject_percent=10, alert_decisions_min=10)


def minute(number: int, rejected: int, routed: int, lp: str = "", execution_us: int = 100) -> Window:
    bucket = int(buckets_of(np.array([execution_us]))[0])
    cells = {
        ("A", lp, "REJECT"): RoutingFigures(rejected, execution={bucket: rejected}),
        ("A", lp, "ABOOK"): RoutingFigures(routed, execution={bucket: routed}),
    }
    return Window(number * MINUTE, cells)


def judged(watch: RoutingWatch, window: Window) -> list[DeskAlert]:
    return list(watch.judge(window, window.start_us + MINUTE, 3))


def test_without_bounds_nothing_is_judged() -> None:
    assert judged(RoutingWatch(DeskRules(0, 0, 500)), minute(0, 100, 0)) == []


def test_an_alert_opens_beyond_the_bound_and_ends_well_within() -> None:
    watch = RoutingWatch(RULES)
    assert judged(watch, minute(0, 10, 90)) == []
    [opened] = judged(watch, minute(1, 11, 89))
    assert opened[:5] == ("routing:rejects:total:3-60000", "open", 2 * MINUTE, "warning", "routing")
    assert opened.title == "Many orders are rejected: the desk"
    assert opened.message == "11 % of a minute's decisions were rejections; the bound is 10 %"
    assert judged(watch, minute(2, 50, 50)) == judged(watch, minute(3, 9, 91)) == []
    [ended] = judged(watch, minute(4, 8, 92))
    assert (ended.id, ended.state, ended.time_us) == (opened.id, "resolved", 5 * MINUTE)
    assert watch.opened == {}


def test_few_decisions_say_nothing() -> None:
    watch = RoutingWatch(RULES)
    assert judged(watch, minute(0, 9, 0)) == []
    assert len(judged(watch, minute(1, 10, 0))) == 1
    assert judged(watch, minute(2, 0, 9)) == []
    assert len(judged(watch, minute(3, 0, 10))) == 1


def test_providers_have_alerts_of_their_own_that_are_kept() -> None:
    watch = RoutingWatch(RULES)
    window = minute(0, 12, 0, "LMAX")
    window.cells |= minute(0, 1, 200, "total").cells
    [alert] = judged(watch, window)
    assert (alert.id, alert.title) == ("routing:rejects:lp:LMAX:3-0", "Many orders are rejected: LMAX")
    kept = RoutingWatch(RULES, watch.opened)
    assert [each.id for each in judged(kept, minute(9, 0, 10, "LMAX"))] == [alert.id]


@pytest.mark.parametrize(("execution_us", "opens"), [(200, False), (100_000, False), (110_000, True)])
def test_slow_executions(execution_us: int, opens: bool) -> None:
    watch = RoutingWatch(RULES._replace(reject_percent=0, execution_p99_us=101_000))
    alerts = judged(watch, minute(0, 0, 10, execution_us=execution_us))
    assert [each.id for each in alerts] == (["routing:execution:total:3-0"] if opens else [])
    if opens:
        assert alerts[0].message == "A minute's p99 was 109.823 ms; the bound is 101 ms"
        assert judged(watch, minute(1, 0, 10, execution_us=90_000)) == []
        assert len(judged(watch, minute(2, 0, 10, execution_us=80_000))) == 1
