"""What fired for a user and what a rule is tried on, from a real ClickHouse."""

import asyncio
from decimal import Decimal

from gateway.stores.breaker import CircuitBreaker
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.price_alerts import FiredRow, PriceAlerts, TriedRow
from schemas.alert_rules import AlertRule, Firing
from sinks.clickhouse.price_alerts import price_alert_block
from sinks.clickhouse.sink import Inserter
from tests.integration.gateway.rest_server import Market

RULE = AlertRule("r", "store-user", "S/T", "below", "9.5", note="n")


def test_the_newest_first_each_once(market: Market) -> None:
    inserter = Inserter(market.dsn, market.database, "price_alerts")
    first, second = (
        Firing(0, number, 0, 0, number * 1_000_000, 0, 9 * 10**10, 95 * 10**9, RULE, 9 * 10**10, number)
        for number in (1, 2)
    )
    for _ in range(2):
        inserter.insert(price_alert_block([first, second]))
    inserter.close()
    clickhouse = ClickHouse(market.dsn, market.database, threads=1, timeout_ms=20_000, breaker=CircuitBreaker("c"))
    alerts = PriceAlerts(clickhouse)
    rows = asyncio.run(alerts.fired("store-user", 0, 2**62, 10))
    assert rows[1] == FiredRow(1_000_000, "r:1", "r", "S/T", "below", "9.5", "9", 1, "n", "price", "", "9")
    assert [row.sequence for row in rows] == [2, 1]
    assert asyncio.run(alerts.fired("store-user", 0, 1_999_999, 10)) == rows[1:]
    market.add_trades(
        "ORDER/LOG",
        [
            {"time_us": 5_000_000, "price": Decimal(1), "size": Decimal("0.5"), "offset": 2},
            {"time_us": 6_000_000, "price": Decimal(2), "size": Decimal(1), "offset": 1},
        ],
    )
    found = asyncio.run(alerts.trades("ORDER/LOG", 0, 2**62, 10))
    assert found == [TriedRow(6_000_000, "2", 1, "1"), TriedRow(5_000_000, "1", 2, "0.5")]
    assert asyncio.run(alerts.trades("NOBODY", 0, 2**62, 10)) == []
    clickhouse.close()
