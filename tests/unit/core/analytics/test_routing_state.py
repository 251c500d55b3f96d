"""State of a desk as bytes and back: equal states, equal bytes; of another version, one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state
from oracle.desk import OracleDecision
from schemas.errors import StateIncompatible
from tests.property.desk_records import decisions, routing_batch

RULES = DeskRules(2_000_000, 60_000_000, 3)


@settings(max_examples=30)
@given(decisions(20), st.integers(0, 20))
def test_a_desk_that_was_kept_goes_on_as_if_nothing_had_been(tape: list[OracleDecision], cut: int) -> None:
    whole, kept = RoutingDesk(RULES), RoutingDesk(RULES)
    for desk in (whole, kept):
        desk.apply(routing_batch(tape[:cut]))
    state = snapshot_routing(kept)
    kept = restore_routing(state, RULES)
    assert snapshot_routing(kept) == state
    assert kept.apply(routing_batch(tape[cut:])) == whole.apply(routing_batch(tape[cut:]))
    assert snapshot_routing(kept) == snapshot_routing(whole)


def test_open_alerts_are_kept() -> None:
    desk = RoutingDesk(RULES)
    desk.watch.opened["rejects", "lp:LMAX"] = "id"
    assert restore_routing(snapshot_routing(desk), RULES).watch.opened == {("rejects", "lp:LMAX"): "id"}


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(StateIncompatible, match="version 1"):
        restore_routing(pack_state("routing", 1), RULES)
