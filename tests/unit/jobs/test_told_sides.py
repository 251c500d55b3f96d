"""Lines about sides and fields: what is named, how much of it, and the way out."""

from jobs.told_sides import told_fields, told_sides


def test_the_most_frequent_words_come_first() -> None:
    line = told_sides({"1": 5, "true": 1_000, "2": 5})
    assert line.startswith("sides that nobody knows: 'true' 1,000, '1' 5, '2' 5; ")
    assert "TAPEFLOW_SIDE_MAP" in line


def test_many_words_stay_one_line() -> None:
    assert ", and 22 more; " in told_sides({str(number): 1 for number in range(30)})


def test_fields_that_no_record_has() -> None:
    line = "no record has m.side, taker, which the field map names; mend TAPEFLOW_FIELD_MAP"
    assert told_fields(["m.side", "taker"]) == line
