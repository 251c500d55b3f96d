"""Numbers that are said once hold what is said of them."""

from datetime import UTC, datetime

from schemas.contract import SEQUENCE_BITS, SEQUENCE_MAX, UNITS_LIMIT, YEAR_2300_US, first_sequence


def test_a_later_source_epoch_sorts_above_every_offset_of_the_one_before() -> None:
    assert first_sequence(1) > first_sequence(0) + 2**SEQUENCE_BITS - 1
    assert first_sequence(511) + 2**SEQUENCE_BITS - 1 < SEQUENCE_MAX
    assert float(SEQUENCE_MAX - 1) == SEQUENCE_MAX - 1 != float(SEQUENCE_MAX - 2)


def test_bounds_are_what_their_names_say() -> None:
    assert int(datetime(2300, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 == YEAR_2300_US
    assert UNITS_LIMIT == 10**18 * 10**10
