"""Reads the tables of a desk and of rules back from ClickHouse, for proofs, through the views that all readers use.

Hands rows to oracle.rows: by key, their values and their version. Values come back exact, as Decimals and whole
numbers, times as whole microseconds.
"""

from typing import Final, NamedTuple

from clickhouse_driver import Client

from jobs.price_alerts import Fired
from oracle.rows import Key
from schemas.desk import DeskKind
from schemas.names import (
    ALERT_STATES_VIEW,
    ALERTS_VIEW,
    EXPOSURE_1M_VIEW,
    LP_1M_VIEW,
    PRICE_ALERTS_VIEW,
    ROUTING_1M_VIEW,
    ROUTING_VIEW,
)

__all__ = ["StoredRows", "read_alert_states", "read_decisions", "read_firings", "read_minutes"]

StoredRows = dict[Key, tuple[tuple[object, ...], int]]
START: Final = "toUnixTimestamp64Micro(start)"


class _Table(NamedTuple):
    """Columns of the key, then those of the values."""

    view: str
    key: str
    keys: int
    values: str


TABLES: Final[dict[DeskKind, _Table]] = {
    "routing": _Table(
        ROUTING_1M_VIEW, f"{START}, symbol, lp_selected, routing_decision, kafka_partition", 5,
        "count, volume, spread_sum, slippage_sum, execution_us_sum, execution_us_max, favourable, adverse, execution,"
        " spread, slippage",
    ),
    "lp": _Table(
        LP_1M_VIEW, f"{START}, lp_name, kafka_partition", 3,
        "samples, spread_sum, quality_sum, latency_us_sum, latency_us_max, quotes_sum, rejects_sum, up_us,"
        " status_changes, status, latency, spread",
    ),
    "exposure": _Table(
        EXPOSURE_1M_VIEW, f"{START}, toString(scope), name, kafka_partition", 4,
        "net, gross, peak, exposure_limit, warning_us, critical_us",
    ),
}  # fmt: skip
DECISIONS: Final = _Table(
    ROUTING_VIEW, "kafka_partition, kafka_offset", 2,
    "symbol, toUnixTimestamp64Micro(event_time), toString(side), volume, routing_decision, lp_selected, execution_us,"
    " spread, slippage, toUnixTimestamp64Milli(kafka_time)",
)  # fmt: skip


def read_minutes(client: Client, database: str, kind: DeskKind) -> StoredRows:
    """Figures of minutes of one kind."""
    return _rows(client, database, TABLES[kind], "version")


def read_decisions(client: Client, database: str) -> StoredRows:
    """Every decision, by partition and offset."""
    return _rows(client, database, DECISIONS, "sequence")


def read_alert_states(client: Client, database: str, prefix: str) -> dict[str, str]:
    """What became of the alerts whose ids begin so; empty text for one without a state."""
    query = (
        f"SELECT id, state FROM {database}.{ALERTS_VIEW} AS alert"  # noqa: S608 - our own names
        f" LEFT JOIN {database}.{ALERT_STATES_VIEW} AS told USING id WHERE startsWith(id, %(prefix)s)"
    )
    return dict(client.execute(query, {"prefix": prefix}))


def read_firings(client: Client, database: str) -> dict[str, Fired]:
    """What rules fired, by id."""
    columns = "id, price, user_id, toString(symbol), toUnixTimestamp64Micro(event_time)"
    query = f"SELECT {columns} FROM {database}.{PRICE_ALERTS_VIEW}"  # noqa: S608 - our own names
    return {alert_id: tuple(values) for alert_id, *values in client.execute_iter(query)}


def _rows(client: Client, database: str, table: _Table, version: str) -> StoredRows:
    query = f"SELECT {table.key}, {table.values}, {version} FROM {database}.{table.view}"  # noqa: S608 - our own names
    return {tuple(row[: table.keys]): (tuple(row[table.keys : -1]), row[-1]) for row in client.execute_iter(query)}
