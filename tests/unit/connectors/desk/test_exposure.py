"""A state's row: amounts of both signs, names that may be missing, limits."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from connectors.desk.exposure import ExposureRecord, exposure_row
from connectors.desk.values import RecordRefused
from kernels.decimal_text import from_pair
from schemas.desk import EXPOSURE


def row_of(**fields: Any) -> tuple[Any, list[str]]:
    words: dict[str, int] = {}
    record = ExposureRecord(symbol="A", **fields)
    row = exposure_row(record, 5, 6, 7, lambda word: words.setdefault(word, len(words)))
    (found,) = np.array([row], EXPOSURE)
    return found, list(words)


def test_a_row_has_the_columns_of_its_table() -> None:
    found, words = row_of(exposure=Decimal("-1.5"), lp_name="LP", book="B", exposure_limit=Decimal(3))
    assert words == ["A", "LP", "B"]
    assert from_pair(int(found["exposure_hi"]), int(found["exposure_lo"])) == -15 * 10**9
    assert (found["limit_lo"], found["has_limit"], found["offset"], found["event_time_us"]) == (3 * 10**10, 1, 5, 7)


def test_what_may_be_missing() -> None:
    found, words = row_of(exposure=Decimal(0))
    assert (words, found["has_limit"], found["lp"], found["book"]) == (["A", ""], 0, 1, 1)


def test_a_limit_below_zero() -> None:
    with pytest.raises(RecordRefused, match="out-of-range"):
        row_of(exposure=Decimal(0), exposure_limit=Decimal(-1))
