"""The laws of providers and exposure: the same whatever the batch cut and restarts, and those of the oracle."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.exposure import ExposureDesk
from core.analytics.exposure_state import restore_exposure, snapshot_exposure
from core.analytics.lp import LpDesk
from core.analytics.lp_state import restore_lp, snapshot_lp
from core.analytics.output import DeskOutput
from core.analytics.rules import DeskRules
from kernels.decimal_text import units
from oracle.desk_exposure import OracleExposureRules, OracleState, recompute_exposure
from oracle.desk_lp import OracleLpRecord, OracleLpRules, recompute_lp
from oracle.desk_lp_alerts import recompute_lp_alerts
from schemas.desk import DeskBatch
from tests.property.desk_states import exposure_batch, exposure_state, exposure_states, lp_batch, lp_records

RULES = DeskRules(2_000_000, 60_000_000, 2, exposures_passed_per_second=1)
LP_RULES = OracleLpRules(RULES.out_of_order_us, RULES.lateness_us, RULES.lp_silence_us, RULES.lp_up)
NEVER_LATE = 10**18
CUTS = st.lists(st.integers(1, 39), max_size=5)


def run(
    desk: Any,
    tape: Sequence[Any],
    batch_of: Callable[[Sequence[Any]], DeskBatch],
    cuts: Sequence[int],
    again: Callable[[Any], Any] = lambda desk: desk,
) -> tuple[Any, DeskOutput[Any]]:
    """The desk after the tape, and all that came out. ``again``: what happens to it between batches."""
    whole: DeskOutput[Any] = DeskOutput()
    ends = sorted({*(cut for cut in cuts if cut < len(tape)), len(tape)} - {0})
    for first, end in zip([0, *ends], ends, strict=False):
        output = desk.apply(batch_of(tape[first:end]))
        whole.entries += output.entries
        whole.rows += output.rows
        whole.alerts += output.alerts
        whole.late += output.late
        desk = again(desk)
    assert [entry.order for entry in whole.entries] == sorted({entry.order for entry in whole.entries})
    return desk, whole


@settings(max_examples=40)
@given(lp_records(), CUTS)
def test_providers_are_the_same_whatever_the_cut_and_restarts(tape: list[OracleLpRecord], cuts: list[int]) -> None:
    desk, whole = run(LpDesk(RULES), tape, lp_batch, [])
    again, parts = run(LpDesk(RULES), tape, lp_batch, cuts, lambda one: restore_lp(snapshot_lp(one), RULES))
    assert parts == whole
    assert snapshot_lp(again) == snapshot_lp(desk)


@settings(max_examples=40)
@given(lp_records(), CUTS)
def test_providers_figures_are_those_of_the_oracle(tape: list[OracleLpRecord], cuts: list[int]) -> None:
    desk, whole = run(LpDesk(RULES), tape, lp_batch, cuts)
    rows = whole.rows + desk.announce(NEVER_LATE).rows
    found = {(row.start_us, row.lp): row.figures for row in rows}
    truth = recompute_lp(tape, LP_RULES)
    wanted = {(start_us, lp): cell for (_, name, start_us, lp), cell in truth.items() if name == "1m"}
    assert set(found) == set(wanted)
    for key, cell in wanted.items():
        figures, records = found[key], cell.records
        assert (figures.samples, figures.version) == (len(records), cell.version)
        assert (figures.up_us, figures.changes) == (cell.up_us, cell.changes)
        assert figures.latency_us_sum == sum(each.latency_us for each in records)
        assert figures.rejects_sum == units(sum((each.quotes * each.reject_rate for each in records), Decimal(0)), 20)
        last = max(records, key=lambda each: (each.event_time_us, each.offset), default=None)
        assert figures.status == (last.status if last else "")
    opened = [alert.id for alert in whole.alerts if alert.state == "open"]
    assert len(opened) == len(set(opened))
    for alert in whole.alerts:
        assert alert.state == "open" or alert.id in opened


@settings(max_examples=100)
@given(lp_records(), CUTS)
def test_providers_alerts_are_those_of_the_oracle(tape: list[OracleLpRecord], cuts: list[int]) -> None:
    _, whole = run(LpDesk(RULES), tape, lp_batch, cuts)
    assert [(alert.id, alert.state) for alert in whole.alerts] == recompute_lp_alerts(tape, LP_RULES).alerts


@settings(max_examples=100)
@given(lp_records(), CUTS, st.sampled_from((0, 30_000_000, NEVER_LATE)))
def test_what_the_clock_finds_of_providers_is_what_the_oracle_allows(
    tape: list[OracleLpRecord], cuts: list[int], ahead_us: int
) -> None:
    told: list[tuple[str, str]] = []

    def look(desk: LpDesk) -> LpDesk:
        told.extend((alert.id, alert.state) for alert in desk.announce(desk.time.newest_us + ahead_us).alerts)
        return desk

    _, whole = run(LpDesk(RULES), tape, lp_batch, cuts, look)
    told += [(alert.id, alert.state) for alert in whole.alerts]
    truth = recompute_lp_alerts(tape, LP_RULES)
    assert len(told) == len(set(told))
    by_clock = {(name, state) for name, state in told if name in truth.by_clock}
    assert set(told) - by_clock == set(truth.alerts)
    assert all((name, "open") in told and truth.by_clock[name] == ((name, "resolved") in told) for name, _ in by_clock)


@settings(max_examples=40)
@given(exposure_states(), CUTS)
def test_exposure_is_the_same_whatever_the_cut_and_restarts(tape: list[OracleState], cuts: list[int]) -> None:
    desk, whole = run(ExposureDesk(RULES), tape, exposure_batch, [])
    again, parts = run(
        ExposureDesk(RULES), tape, exposure_batch, cuts, lambda one: restore_exposure(snapshot_exposure(one), RULES)
    )
    assert parts == whole
    assert snapshot_exposure(again) == snapshot_exposure(desk)


@settings(max_examples=60)
@given(exposure_states(), CUTS)
def test_exposure_and_its_alerts_are_those_of_the_oracle(tape: list[OracleState], cuts: list[int]) -> None:
    desk, whole = run(ExposureDesk(RULES), tape, exposure_batch, cuts)
    rows = whole.rows + desk.announce(NEVER_LATE).rows
    truth = recompute_exposure(tape, OracleExposureRules())
    assert [(alert.id, alert.state) for alert in whole.alerts] == truth.alerts
    assert desk.level == (truth.levels[-1] if truth.levels else "unknown")
    found = {(row.start_us, row.scope, row.name): row for row in rows}
    for start_us, minute in truth.minutes.items():
        for (scope, name), total in minute.totals.items():
            peak = units(minute.peaks[scope, name])
            row = found.pop((start_us, scope, name), None)
            if row is None:
                assert not peak
                continue
            assert (row.net, row.gross, row.peak) == (units(total.net), units(total.gross), peak)
            assert (row.version, row.limit) == (minute.version, units(minute.limit))
            held = minute.held_us
            assert (row.warning_us, row.critical_us) == (held.get("warning", 0), held.get("critical", 0))
    assert not found


def test_an_hour_around_a_bound_is_one_alert() -> None:
    tape = [
        exposure_state(index, index * 1_000_000, exposure=Decimal(751) if index % 2 else Decimal(749))
        for index in range(3600)
    ]
    _, whole = run(ExposureDesk(RULES), tape, exposure_batch, range(100, 3600, 100))
    assert [(alert.id, alert.state) for alert in whole.alerts] == [("exposure:total:warning:0-1", "open")]
