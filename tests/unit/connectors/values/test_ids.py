"""An id is a number of any length, whatever zeros, blanks and fraction of zeros stand around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.values.ids import is_whole_number, read_id
from schemas.columns import LONG_ID, NO_ID


def read(text: str) -> tuple[int, int]:
    near, far = np.frombuffer(f"<{text}>".encode(), np.uint8), np.frombuffer(f"{'<1' * 9}{text}>".encode(), np.uint8)
    upper, number = read_id(near, 1, len(near) - 1)
    assert read_id(far, 18, len(far) - 1) == (upper, number)
    assert is_whole_number(near, 1, len(near) - 1) == (int(number) != NO_ID)
    return int(upper), int(number)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("0", (0, 0)),
        ("007", (0, 7)),
        (" 10", (0, 10)),
        ("10 \t", (0, 10)),
        ("10.0", (0, 10)),
        ("10.", (0, 10)),
        ("0.00", (0, 0)),
        ("9" * 18, (0, 10**18 - 1)),
        ("1" + "0" * 18, (1, 0)),
        ("102523573486100000001", (102, 523573486100000001)),
        ("9" * 36, (10**18 - 1, 10**18 - 1)),
        ("1" + "0" * 36, (LONG_ID, 0)),
        ("0" * 100 + "5", (0, 5)),
    ],
)
def test_whole_numbers(text: str, columns: tuple[int, int]) -> None:
    assert read(text) == columns


@pytest.mark.parametrize(
    "text", ["", " ", "1a", "-1", "+1", "1.5", "1.05", ".0", ".", "1 2", "1e3", "10.0.0", "0x10", "١٢", "1,000"]
)
def test_what_is_no_number(text: str) -> None:
    assert read(text) == (0, NO_ID)


@given(
    st.integers(0, 10**36 - 1), st.integers(0, 3), st.sampled_from(["", ".", ".0", ".000"]), st.sampled_from(["", " "])
)
def test_any_spelling_of_a_number_is_that_number(number: int, zeros: int, fraction: str, blank: str) -> None:
    upper, lower = read(f"{blank}{'0' * zeros}{number}{fraction}{blank}")
    assert upper * 10**18 + lower == number
