"""A decision's row: its values in the order of the table."""

from decimal import Decimal

import numpy as np

from connectors.desk.routing import RoutingRecord, routing_row
from schemas.desk import ROUTING


def test_a_row_has_the_columns_of_its_table() -> None:
    record = RoutingRecord(
        symbol="A", volume=Decimal(2), routing_decision="HEDGE", execution_time_ms=Decimal(1), spread=Decimal(3),
        slippage=Decimal(-4),
    )  # fmt: skip
    words: dict[str, int] = {}
    row = routing_row(record, 5, 6, 7, lambda word: words.setdefault(word, len(words)))
    (found,) = np.array([row], ROUTING)
    wanted = {
        "offset": 5, "timestamp_ms": 6, "event_time_us": 7, "volume_hi": 0, "volume_lo": 2 * 10**10,
        "execution_us": 1000, "spread": 3 * 10**10, "slippage": -4 * 10**10, "symbol": 0, "lp": 1, "decision": 2,
        "side": 2, "reason": 0,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    assert list(words) == ["A", "", "HEDGE"]
