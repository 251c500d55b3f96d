"""An Ask for tests: everything, of bars, unless it is told otherwise."""

from typing import Any

from gateway.reports.words import Ask
from schemas.contract import YEAR_2300_US


def ask_of(**changed: Any) -> Ask:
    usual: dict[str, Any] = {
        "kind": "bars",
        "low_us": 0,
        "high_us": YEAR_2300_US,
        "symbols": (),
        "interval": "1m",
        "limit": 20,
        "buckets": 50,
        "access": ("*",),
    }
    return Ask(**{**usual, **changed})
