"""A provider's row, and what its figures may not be."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from connectors.desk.lp import LpRecord, lp_row
from connectors.desk.values import RecordRefused
from schemas.desk import LP
from schemas.rejects import Reason


def record(**changes: Any) -> LpRecord:
    fields = {
        "lp_name": "OANDA", "status": "connected", "avg_spread": Decimal("0.9"), "execution_quality": Decimal(1),
        "latency_ms": Decimal("14.2"), "quotes_per_second": Decimal(120), "reject_rate": Decimal(0),
        "uptime": Decimal(100), **changes,
    }  # fmt: skip
    return LpRecord(**fields)


def row_of(one: LpRecord) -> Any:
    words: dict[str, int] = {}
    (found,) = np.array([lp_row(one, 5, 6, 7, lambda word: words.setdefault(word, len(words)))], LP)
    return found


def test_a_row_has_the_columns_of_its_table() -> None:
    found, unit = row_of(record()), 10**10
    assert found.tolist() == (5, 6, 7, 9 * unit // 10, unit, 14_200, 120 * unit, 0, 100 * unit, 0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"execution_quality": Decimal("1.01")},
        {"execution_quality": Decimal(-1)},
        {"reject_rate": Decimal(2)},
        {"uptime": Decimal("100.1")},
        {"quotes_per_second": Decimal(-1)},
        {"latency_ms": Decimal(-1)},
    ],
)
def test_what_is_out_of_range(changes: dict[str, Decimal]) -> None:
    with pytest.raises(RecordRefused) as refused:
        row_of(record(**changes))
    assert refused.value.reason is Reason.OUT_OF_RANGE
