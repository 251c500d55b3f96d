"""State of providers as bytes and back: equal states, equal bytes; what comes after is the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.lp import LpDesk
from core.analytics.lp_state import restore_lp, snapshot_lp
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state
from oracle.desk_lp import OracleLpRecord
from schemas.errors import StateIncompatible
from tests.property.desk_states import lp_batch, lp_records

RULES = DeskRules(2_000_000, 60_000_000, 3)


@settings(max_examples=30)
@given(lp_records(20), st.integers(0, 20))
def test_a_desk_that_was_kept_goes_on_as_if_nothing_had_been(tape: list[OracleLpRecord], cut: int) -> None:
    whole, kept = LpDesk(RULES), LpDesk(RULES)
    for desk in (whole, kept):
        desk.apply(lp_batch(tape[:cut]))
    state = snapshot_lp(kept)
    kept = restore_lp(state, RULES)
    assert snapshot_lp(kept) == state
    assert kept.apply(lp_batch(tape[cut:])) == whole.apply(lp_batch(tape[cut:]))


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(StateIncompatible, match="version 2"):
        restore_lp(pack_state("lp", 2), RULES)
