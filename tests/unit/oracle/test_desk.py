"""The oracle of a desk by hand: windows, lateness, the limit of a second."""

from decimal import Decimal

from oracle.desk import OracleDeskRules, exact_percentile, recompute_routing
from tests.property.desk_records import START_US, decision

SECOND = 1_000_000
RULES = OracleDeskRules(2 * SECOND, 3 * SECOND, 2)


def test_windows_by_hand() -> None:
    tape = [
        decision(0),
        decision(1, 5, slippage=Decimal("0.2")),
        decision(2, 7, partition=1),
        decision(3, 3700 * SECOND),
        decision(4, 0),
        decision(5, 3696 * SECOND + 1),
    ]
    truth = recompute_routing(tape, RULES)
    cell = truth.cells[0, "1m", START_US, "EUR/USD", "OANDA", "ABOOK"]
    assert (cell.volume, cell.version, cell.slippages) == (3, 1, [Decimal("-0.1"), Decimal("0.2")])
    assert len(truth.cells[0, "1s", START_US, "", "OANDA", "ABOOK"].spreads) == 2
    assert truth.cells[1, "1h", START_US, "EUR/USD", "OANDA", "ABOOK"].version == 2
    assert truth.late == 1
    assert (0, "1s", START_US + 3696 * SECOND, "", "OANDA", "ABOOK") in truth.cells


def test_what_doesnt_pass_is_sampled() -> None:
    truth = recompute_routing([decision(offset, timestamp_ms=-1) for offset in range(5)], RULES)
    assert len(truth.passed) == 2
    assert truth.sampled == {(0, name, START_US): 3 for name in ("1s", "1m", "1h")}


def test_a_percentile_is_one_of_the_values() -> None:
    values = [Decimal(each) for each in (4, 1, 3, 2)]
    assert [exact_percentile(values, percent) for percent in (1, 25, 26, 50, 99, 100)] == [1, 1, 2, 2, 4, 4]


def test_what_comes_exactly_too_late_counts_in_no_second() -> None:
    truth = recompute_routing([decision(0, 6 * SECOND), decision(1)], RULES)
    assert (0, "1s", START_US, "", "OANDA", "ABOOK") not in truth.cells
    assert (0, "1m", START_US, "EUR/USD", "OANDA", "ABOOK") in truth.cells
