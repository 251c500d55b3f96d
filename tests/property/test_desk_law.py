"""The law of a desk's figures: the same whatever the batch cut and restarts, and those of the oracle."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from core.analytics.rules import DeskRules
from core.analytics.sketch import percentile
from kernels.decimal_text import units
from oracle.desk import OracleDecision, OracleDeskRules, exact_percentile, recompute_routing
from schemas.desk import DeskEntry, RoutingFigures, RoutingRow
from tests.property.desk_records import decisions, routing_batch

RULES = DeskRules(2_000_000, 60_000_000, 3)
ORACLE_RULES = OracleDeskRules(*RULES[:3])
NEVER_LATE = 10**18


Run = tuple[RoutingDesk, list[DeskEntry], list[RoutingRow]]


def run(tape: Sequence[OracleDecision], cuts: Sequence[int], restarts: bool) -> Run:
    desk, entries, rows, late = RoutingDesk(RULES), [], [], 0
    ends = sorted({*(cut for cut in cuts if cut < len(tape)), len(tape)} - {0})
    for first, end in zip([0, *ends], ends, strict=False):
        output = desk.apply(routing_batch(tape[first:end]))
        entries += output.entries
        rows += output.rows
        late += output.late
        if restarts:
            desk = restore_routing(snapshot_routing(desk), RULES)
    assert late == recompute_routing(tape, ORACLE_RULES).late
    return desk, entries, rows


@settings(max_examples=40)
@given(decisions(), st.lists(st.integers(1, 59), max_size=6), st.booleans())
def test_messages_are_the_same_whatever_the_cut_and_restarts(
    tape: list[OracleDecision], cuts: list[int], restarts: bool
) -> None:
    whole, entries, rows = run(tape, [], restarts=False)
    parts, entries_again, rows_again = run(tape, cuts, restarts)
    assert entries_again == entries
    assert rows_again == rows
    assert snapshot_routing(parts) == snapshot_routing(whole)
    assert [entry.order for entry in entries] == sorted({entry.order for entry in entries})


@settings(max_examples=40)
@given(decisions(), st.lists(st.integers(1, 59), max_size=6))
def test_figures_are_those_of_the_oracle(tape: list[OracleDecision], cuts: list[int]) -> None:
    desk, entries, rows = run(tape, cuts, restarts=False)
    rows += desk.announce(NEVER_LATE).rows
    truth = recompute_routing(tape, ORACLE_RULES)
    latest = {row[:5]: row.figures for row in rows}
    wanted = {(key[2], key[3], key[4], key[5], key[0]): cell for key, cell in truth.cells.items() if key[1] == "1m"}
    assert set(latest) == set(wanted)
    for key, cell in wanted.items():
        check(latest[key], cell.version, cell.volume, cell.executions_us, cell.spreads, cell.slippages)
    passed = [entry for entry in entries if entry.kind == "routing-decision"]
    assert len(passed) == len(truth.passed)


def check(
    found: RoutingFigures,
    version: int,
    volume: Decimal,
    executions_us: list[int],
    spreads: list[Decimal],
    slippages: list[Decimal],
) -> None:
    assert (found.version, found.count, found.volume) == (version, len(spreads), units(volume))
    assert found.spread_sum == units(sum(spreads, Decimal(0)))
    assert found.slippage_sum == units(sum(slippages, Decimal(0)))
    assert (found.execution_us_sum, found.execution_us_max) == (sum(executions_us), max(executions_us))
    assert found.favourable == sum(each < 0 for each in slippages)
    assert found.adverse == sum(each > 0 for each in slippages)
    for counts, values in (
        (found.execution, executions_us),
        (found.spread, [units(each) for each in spreads]),
        (found.slippage, [units(each) for each in slippages]),
    ):
        for percent in (1, 50, 90, 99, 100):
            exact = int(exact_percentile(values, percent))
            assert abs(percentile(counts, percent) - exact) * 256 <= abs(exact)
