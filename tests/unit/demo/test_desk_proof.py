"""The proof of the demo's desk says what it compared, and the first differences by name."""

from demo.desk_proof import told
from oracle.rows import RowComparison, RowDifference


def test_the_first_differences_are_named() -> None:
    assert told(RowComparison(5)) == "5 rows compared, 0 differ"
    wrong = [RowDifference("lp_1m", f"{number}", "up_us", "1", "2") for number in range(9)]
    assert told(RowComparison(9, 0, wrong)) == (
        "9 rows compared, 9 differ; lp_1m 0 up_us: 2, not 1; lp_1m 1 up_us: 2, not 1; lp_1m 2 up_us: 2, not 1"
    )
