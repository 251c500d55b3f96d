"""State of exposure as bytes and back: equal states, equal bytes; what comes after is the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.exposure import ExposureDesk
from core.analytics.exposure_state import restore_exposure, snapshot_exposure
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state
from oracle.desk_exposure import OracleState
from schemas.errors import StateIncompatible
from tests.property.desk_states import exposure_batch, exposure_states

RULES = DeskRules(2_000_000, 60_000_000, 3)


@settings(max_examples=30)
@given(exposure_states(20), st.integers(0, 20))
def test_a_desk_that_was_kept_goes_on_as_if_nothing_had_been(tape: list[OracleState], cut: int) -> None:
    whole, kept = ExposureDesk(RULES), ExposureDesk(RULES)
    for desk in (whole, kept):
        desk.apply(exposure_batch(tape[:cut]))
    state = snapshot_exposure(kept)
    kept = restore_exposure(state, RULES)
    assert snapshot_exposure(kept) == state
    assert kept.apply(exposure_batch(tape[cut:])) == whole.apply(exposure_batch(tape[cut:]))


def test_state_of_another_version_is_refused() -> None:
    with pytest.raises(StateIncompatible, match="version 2"):
        restore_exposure(pack_state("exposure", 2), RULES)
