"""Numbers that are said once hold what is said of them."""

from datetime import UTC, datetime
from pathlib import Path

import schemas.contract
from schemas.contract import CLOSE_MEANINGS, SEQUENCE_BITS, SEQUENCE_MAX, UNITS_LIMIT, YEAR_2300_US, first_sequence


def test_a_later_source_epoch_sorts_above_every_offset_of_the_one_before() -> None:
    assert first_sequence(1) > first_sequence(0) + 2**SEQUENCE_BITS - 1
    assert first_sequence(511) + 2**SEQUENCE_BITS - 1 < SEQUENCE_MAX
    assert float(SEQUENCE_MAX - 1) == SEQUENCE_MAX - 1 != float(SEQUENCE_MAX - 2)


def test_bounds_are_what_their_names_say() -> None:
    assert int(datetime(2300, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 == YEAR_2300_US
    assert UNITS_LIMIT == 10**18 * 10**10


def test_every_close_code_says_what_to_do_and_the_page_says_the_same() -> None:
    names = {
        value: name
        for name, value in vars(schemas.contract).items()
        if name.startswith("CLOSE_") and isinstance(value, int)
    }
    assert {code: f"CLOSE_{each.name}" for code, each in CLOSE_MEANINGS.items()} == names
    page = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text("utf-8")
    for code, each in CLOSE_MEANINGS.items():
        assert f"| {code} | {each.why} | {each.advice} |" in page
