"""A desk's minutes in ClickHouse for tests of their readers: made by the flow's own parts from the oracle's records."""

from collections.abc import Callable, Sequence
from typing import Any

from clickhouse_driver import Client

from core.analytics.exposure import ExposureDesk
from core.analytics.lp import LpDesk
from core.analytics.routing import RoutingDesk
from core.analytics.rules import DeskRules
from oracle.desk import OracleDecision
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from schemas.desk import DeskBatch
from sinks.clickhouse.desk_block import exposure_block, lp_block, routing_block
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Inserter
from tests.property.desk_records import routing_batch
from tests.property.desk_states import exposure_batch, lp_batch

__all__ = ["RULES", "clear_desk", "put_decisions", "put_providers", "put_states"]

RULES = DeskRules(out_of_order_us=5_000_000, lateness_us=60_000_000, passed_per_second=500)
TABLES = ("routing_1m", "lp_1m", "exposure_1m", "alerts", "alert_states")


def clear_desk(dsn: str, database: str) -> None:
    client = Client.from_url(dsn)
    for table in TABLES:
        client.execute(f"TRUNCATE TABLE {database}.{table}")
    client.disconnect()


def put_decisions(dsn: str, database: str, decisions: Sequence[OracleDecision]) -> None:
    """Decisions, each partition's in the order of offsets."""
    for partition in sorted({each.partition for each in decisions}):
        own = [each for each in decisions if each.partition == partition]
        _put(dsn, database, RoutingDesk(RULES), routing_batch(own), "routing_1m", routing_block)


def put_providers(dsn: str, database: str, records: Sequence[OracleLpRecord]) -> None:
    _put(dsn, database, LpDesk(RULES), lp_batch(records), "lp_1m", lp_block)


def put_states(dsn: str, database: str, states: Sequence[OracleState]) -> None:
    _put(dsn, database, ExposureDesk(RULES), exposure_batch(states), "exposure_1m", exposure_block)


def _put(
    dsn: str, database: str, desk: Any, batch: DeskBatch, table: str, block: Callable[[Sequence[Any]], Block]
) -> None:
    rows = [*desk.apply(batch).rows, *desk.announce(1 << 60).rows]
    if rows:
        inserter = Inserter(dsn, database, table)
        inserter.insert(block([rows]))
        inserter.close()
