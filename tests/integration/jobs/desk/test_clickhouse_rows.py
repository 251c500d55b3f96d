"""A desk's rows are read back exactly, each once, in its newest version."""

from decimal import Decimal

from clickhouse_driver import Client

from jobs.desk.clickhouse_rows import read_alert_states, read_decisions, read_minutes
from schemas.desk import DeskAlert, ExposureRow, LpFigures, LpRow, RoutingFigures, RoutingRow
from schemas.names import (
    ALERT_STATES_TABLE,
    ALERTS_TABLE,
    EXPOSURE_1M_TABLE,
    LP_1M_TABLE,
    ROUTING_1M_TABLE,
    ROUTING_TABLE,
)
from sinks.clickhouse.alert_block import alert_block, state_block
from sinks.clickhouse.desk_block import decision_block, exposure_block, lp_block, routing_block
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Inserter
from tests.property.desk_records import START_US, decision, routing_batch


def test_every_table(clickhouse_dsn: str, clickhouse_database: str) -> None:
    def insert(table: str, block: Block) -> None:
        inserter = Inserter(clickhouse_dsn, clickhouse_database, table)
        inserter.insert(block)
        inserter.close()

    old, new = RoutingFigures(1, version=3), RoutingFigures(2, 15 * 10**9, 1, -1, 5, 3, 1, 1, 4, {-7: 1}, {1: 2}, {})
    with Client.from_url(clickhouse_dsn) as client:
        migrate(client, clickhouse_database)
        for figures in (new, old):
            insert(ROUTING_1M_TABLE, routing_block([[RoutingRow(START_US, "A", "OANDA", "ABOOK", 1, figures)]]))
        insert(LP_1M_TABLE, lp_block([[LpRow(START_US, "OANDA", 0, LpFigures(1, rejects_sum=1, version=9))]]))
        row = ExposureRow(START_US, "lp", "OANDA", 0, -(10**10), 10**10, 2 * 10**10, 0, 5, 6, 7)
        insert(EXPOSURE_1M_TABLE, exposure_block([[row]]))
        insert(ROUTING_TABLE, decision_block([routing_batch([decision(4, side="")])], 0))
        alerts = [DeskAlert(name, "open", START_US, "error", "lp", "t", "m", "s") for name in ("lp:a", "lp:b", "x")]
        insert(ALERTS_TABLE, alert_block(alerts))
        insert(ALERT_STATES_TABLE, state_block([alerts[0], alerts[0]._replace(state="resolved")]))

        routing = read_minutes(client, clickhouse_database, "routing")
        lp = read_minutes(client, clickhouse_database, "lp")
        exposure = read_minutes(client, clickhouse_database, "exposure")
        decisions = read_decisions(client, clickhouse_database)
        states = read_alert_states(client, clickhouse_database, "lp:")
    unit = Decimal(1).scaleb(-10)
    sums = (2, Decimal("1.5"), unit, -unit, 5, 3, 1, 1)
    assert routing == {(START_US, "A", "OANDA", "ABOOK", 1): ((*sums, {-7: 1}, {1: 2}, {}), 4)}
    assert lp[START_US, "OANDA", 0][0][6] == unit * unit
    assert exposure == {(START_US, "lp", "OANDA", 0): ((-1, 1, 2, 0, 5, 6), 7)}
    values = ("EUR/USD", START_US, "UNKNOWN", Decimal("1.5"), "ABOOK", "OANDA", 12_000, Decimal("0.8"), Decimal("-0.1"))
    assert decisions == {(0, 4): ((*values, START_US // 1000), 4)}
    assert states == {"lp:a": "resolved", "lp:b": ""}
