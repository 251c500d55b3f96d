"""Which ids are numbers, whatever they are written like, and what text a number that came as one has."""

from decimal import Decimal
from typing import Any

import pytest

from oracle.ids import id_number, id_of_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("007", 7),
        (" 7\t", 7),
        ("7.", 7),
        ("7.000", 7),
        ("7.5", None),
        ("-7", None),
        ("+7", None),
        ("7e3", None),
        ("", None),
        (".0", None),
        ("٧", None),
        ("7\n", None),
    ],
)
def test_ids_that_are_numbers(text: str, number: int | None) -> None:
    assert id_number(text) == number


def test_an_id_may_be_of_any_length() -> None:
    assert id_number("9" * 5000) == 10**5000 - 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (7.0, "7"),
        (7.5, 7.5),
        (2.0**63, 2.0**63),
        (Decimal("7.00"), "7.00"),
        (Decimal("7.50"), Decimal("7.50")),
        (Decimal(7), Decimal(7)),
        ("7.0", "7.0"),
        (7, 7),
        (None, None),
    ],
)
def test_a_number_with_a_fraction_of_zeros_is_an_id(value: Any, found: Any) -> None:
    assert id_of_number(value) == found
    assert type(id_of_number(value)) is type(found)
