"""The oracle of providers by hand: what a status holds, from both sides of a window's edge."""

from oracle.desk_lp import OracleLpRules, recompute_lp
from tests.property.desk_states import START_US, lp_record

SECOND = 1_000_000
RULES = OracleLpRules(2 * SECOND, 60 * SECOND, 30 * SECOND, frozenset({"connected"}))


def test_a_status_holds_to_the_next_or_to_the_bound() -> None:
    cells = recompute_lp([lp_record(0, 50 * SECOND), lp_record(1, 65 * SECOND, status="down")], RULES)
    first, second = (cells[0, "1m", START_US + at * 60 * SECOND, "OANDA"] for at in (0, 1))
    assert (first.up_us, first.changes, len(first.records), first.version) == (10 * SECOND, 1, 1, 0)
    assert (second.up_us, second.changes, len(second.records), second.version) == (5 * SECOND, 2, 1, 1)
    assert cells[0, "1h", START_US, "OANDA"].up_us == 15 * SECOND


def test_what_comes_too_late_counts_in_no_window() -> None:
    tape = [lp_record(0), lp_record(1, 9000 * SECOND), lp_record(2, 5)]
    cells = recompute_lp(tape, RULES)
    assert [each.offset for each in cells[0, "1m", START_US, "OANDA"].records] == [0]
