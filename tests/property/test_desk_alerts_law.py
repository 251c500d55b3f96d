"""The law of alerts about routing: the same whatever the batch cut and restarts, and those of the oracle."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from core.analytics.rules import DeskRules
from oracle.desk import OracleDecision, OracleDeskRules
from oracle.desk_alerts import OracleBounds, routing_alerts_of
from schemas.desk import DeskAlert
from tests.property.desk_records import START_US, decision, routing_batch
from tests.property.trade_batches import examples

RULES = DeskRules(
    2_000_000, 60_000_000, 500, reject_percent=40, execution_p99_us=1_000, alert_decisions_min=2,
    rejections=frozenset({"REJECT", "NONE"}),
)  # fmt: skip
BOUNDS = OracleBounds(RULES.reject_percent, RULES.execution_p99_us, RULES.alert_decisions_min, RULES.rejections)
EXECUTIONS_US = (100, 200, 5_000, 90_000)
"""Percentiles of these are on the same side of all bounds, rounded or not."""


@st.composite
def routed(draw: st.DrawFn) -> list[OracleDecision]:
    """Some minutes of decisions, some of them late."""
    at_us, found = 0, []
    for offset in range(draw(st.integers(0, 60))):
        at_us += draw(st.sampled_from((0, 1_000_000, 7_000_000, 20_000_000, 65_000_000)))
        back_us = draw(st.sampled_from((0, 0, 0, 0, 1_500_000, 6_000_000, 70_000_000)))
        found.append(
            decision(
                offset,
                at_us - back_us,
                lp=draw(st.sampled_from(("", "OANDA", "LMAX"))),
                decision=draw(st.sampled_from(("ABOOK", "BBOOK", "REJECT", "NONE"))),
                execution_us=draw(st.sampled_from(EXECUTIONS_US)),
                volume=Decimal(1),
            )
        )
    return found


def alerts(tape: Sequence[OracleDecision], cuts: Sequence[int], restarts: bool) -> list[DeskAlert]:
    desk, found = RoutingDesk(RULES), []
    ends = sorted({*(cut for cut in cuts if cut < len(tape)), len(tape)} - {0})
    for first, end in zip([0, *ends], ends, strict=False):
        found += desk.apply(routing_batch(tape[first:end])).alerts
        if restarts:
            assert desk.announce(START_US + 10**15).alerts == []
            desk = restore_routing(snapshot_routing(desk), RULES)
    return found


@settings(max_examples=examples(120))
@given(routed(), st.lists(st.integers(1, 59), max_size=6), st.booleans())
def test_alerts_are_those_of_the_oracle_whatever_the_cut_and_restarts(
    tape: list[OracleDecision], cuts: list[int], restarts: bool
) -> None:
    found = alerts(tape, cuts, restarts)
    rules = OracleDeskRules(RULES.out_of_order_us, RULES.lateness_us, RULES.passed_per_second)
    wanted = routing_alerts_of(tape, rules, BOUNDS).get(0, [])
    assert [(each.id, each.state, each.time_us) for each in found] == wanted
    assert alerts(tape, [], restarts=False) == found
    assert len({(each.id, each.state) for each in found}) == len(found)
