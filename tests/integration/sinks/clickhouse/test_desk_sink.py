"""A desk's rows in a real ClickHouse: written twice they stand once, and the newest version of a row wins."""

from decimal import Decimal
from typing import Any

from clickhouse_driver import Client

from schemas.desk import RoutingFigures, RoutingRow
from sinks.clickhouse.desk_sink import DecisionsSink, FiguresSink
from sinks.clickhouse.sink import ClickHouseSink
from tests.property.desk_records import START_US, decision, routing_batch


def write(sink: ClickHouseSink[Any], *items: Any) -> None:
    part = sink.build_part("write", "00000", None)
    for item in items:
        part.write_batch([item])
        part.snapshot()
    part.close()


def row(count: int, version: int) -> RoutingRow:
    figures = RoutingFigures(count, 15, -3, 2**70, 9, 4, 0, count, version, {5: count}, {-5: count}, {})
    return RoutingRow(START_US, "A", "LP", "ABOOK", 0, figures)


def test_decisions_stand_once(client: Client, clickhouse_dsn: str, database: str) -> None:
    batch = routing_batch([decision(0, 7), decision(1, side="", lp="", volume=Decimal("999999999999999999.5"))])
    write(DecisionsSink(clickhouse_dsn, database, 1), batch, batch)
    found = client.execute(
        "SELECT kafka_offset, side, volume, routing_decision, lp_selected, execution_us, spread, slippage,"
        f" toUnixTimestamp64Micro(event_time) FROM {database}.routing_decisions_unique ORDER BY kafka_offset"
    )
    assert found == [
        (0, "BUY", Decimal("1.5"), "ABOOK", "OANDA", 12_000, Decimal("0.8"), Decimal("-0.1"), START_US + 7),
        (
            1, "UNKNOWN", Decimal("999999999999999999.5"), "ABOOK", "", 12_000, Decimal("0.8"), Decimal("-0.1"),
            START_US,
        ),
    ]  # fmt: skip


def test_the_newest_version_of_figures_wins(client: Client, clickhouse_dsn: str, database: str) -> None:
    write(FiguresSink("routing", clickhouse_dsn, database, 1), [row(2, 7)], [row(1, 5)], [row(2, 7)])
    found = client.execute(
        f"SELECT count, slippage_sum, execution_us_sum, execution, spread, slippage FROM {database}.routing_1m_final"
    )
    assert found == [(2, Decimal(2**70).scaleb(-10), 9, {5: 2}, {-5: 2}, {})]
