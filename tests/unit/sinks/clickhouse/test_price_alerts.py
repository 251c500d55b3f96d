"""Column bytes of price alerts, read back by the driver's own columns."""

from decimal import Decimal

from schemas.alert_rules import AlertRule, Firing
from sinks.clickhouse.price_alerts import PRICE_ALERT_COLUMNS, price_alert_block
from tests.unit.sinks.clickhouse.test_native_block import columns

UNITS = 10**10


def test_price_alerts() -> None:
    first = AlertRule("r-1", "anna", "A", "crosses_above", "150.25", note="ä" * 100)
    second = AlertRule("r-2", "bert", "B", "below", "0.0000000001", series="low", window="52w")
    block = price_alert_block(
        [
            Firing(1, 7, 0, 0, 1_000_000, 1, 151 * UNITS, 1_502_500_000_000, first, 151 * UNITS, 7),
            Firing(2, 9, 3, 0, 2_000_000, 2, 1, 1, second, -5 * UNITS, 9),
            Firing(1, 8, 0, 0, 3_000_000, 3, 10**28 - 1, 1_502_500_000_000, first, 10**28 - 1, 8),
        ]
    )
    assert (block.rows, block.columns) == (3, PRICE_ALERT_COLUMNS)
    assert columns(block) == {
        "event_time": [1_000_000, 2_000_000, 3_000_000],
        "id": ["r-1:7", "r-2:9.3", "r-1:8"],
        "rule_id": ["r-1", "r-2", "r-1"],
        "user_id": ["anna", "bert", "anna"],
        "symbol": ["A", "B", "A"],
        "condition": ["crosses_above", "below", "crosses_above"],
        "threshold": [Decimal("150.25"), Decimal("0.0000000001"), Decimal("150.25")],
        "price": [Decimal(151), Decimal("0.0000000001"), Decimal(10**28 - 1).scaleb(-10)],
        "series": ["price", "low", "price"],
        "window": ["", "52w", ""],
        "value": [Decimal(151), Decimal(-5), Decimal(10**28 - 1).scaleb(-10)],
        "sequence": [7, 9, 8],
        "kafka_partition": [1, 2, 1],
        "note": ["ä" * 100, "", "ä" * 100],
    }
