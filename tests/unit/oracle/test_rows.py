"""Rows are compared where both sides are of one version; what may still change is left out, and counted."""

from oracle.rows import ExpectedRow, RowComparison, RowDifference, compare_rows

FIELDS = ("count", "volume")


def compare(
    expected: dict[tuple[object, ...], ExpectedRow], stored: dict[tuple[object, ...], tuple[tuple[object, ...], int]]
) -> RowComparison:
    return compare_rows("t", FIELDS, expected, stored, last_sequence=lambda _key: 10)


def test_equal_rows_and_each_field_that_differs() -> None:
    expected = {("A", 1): ExpectedRow((2, 5), 7, 7), ("B", 1): ExpectedRow((1, 1), 8, None)}
    found = compare(expected, {("A", 1): ((2, 5), 7), ("B", 1): ((1, 2), 8)})
    assert (found.compared, found.open) == (2, 0)
    assert found.differences == [RowDifference("t", "B 1", "volume", "1", "2")]
    assert str(found) == "2 rows compared, 1 differ"
    assert str(found.differences[0]) == "t B 1 volume: 2, not 1"


def test_a_row_that_is_due_must_be_there_in_a_version_that_is() -> None:
    expected = {("A",): ExpectedRow((1, 1), 7, 5), ("B",): ExpectedRow((1, 1), 7, 5), ("C",): ExpectedRow((1, 1), 9, 9)}
    found = compare(expected, {("A",): ((9, 9), 4), ("C",): ((1, 1), 9)})
    assert [(each.key, each.field) for each in found.differences] == [("A", "version"), ("B", "row")]
    assert found.compared == 3


def test_what_may_still_change_is_open() -> None:
    expected = {
        ("not due",): ExpectedRow((1, 1), 7, None),
        ("between",): ExpectedRow((1, 1), 7, 5),
        ("announced early",): ExpectedRow((1, 1), 7, None),
        ("younger",): ExpectedRow((1, 1), 7, 7),
    }
    stored = {
        ("between",): ((0, 0), 6), ("announced early",): ((0, 0), 3), ("younger",): ((0, 0), 11),
        ("unknown and younger",): ((0, 0), 12), ("unknown",): ((0, 0), 9),
    }  # fmt: skip
    found = compare(expected, stored)
    assert [(each.key, each.expected, each.stored) for each in found.differences] == [("unknown", "none", "one")]
    assert (found.compared, found.open) == (1, 5)
    whole = RowComparison()
    whole.add(found)
    assert str(whole) == "1 rows compared, 1 differ (5 still open: left out)"
