"""What flows and gateways do in ClickHouse, and which of it the login in use may not do.

``doctor`` asks before a flow runs into a refusal. Each right is asked for by using it on nothing: an insert of no rows
and a selection without rows change nothing, and are refused as any other, by any version.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from clickhouse_driver import Client, errors

from schemas.clickhouse_codes import NO_RIGHT
from schemas.names import (
    ALERT_STATES_TABLE,
    ALERTS_TABLE,
    BAR_VIEW,
    BARS_TABLE,
    LATE_TRADES_TABLE,
    REPORT_CHUNKS_TABLE,
    TRADES_TABLE,
)

__all__ = ["INSERTED", "SELECTED", "SERVED", "lacking_for_gateway", "lacking_rights"]

INSERTED: Final = {TRADES_TABLE: "symbol", BARS_TABLE: "symbol", LATE_TRADES_TABLE: "symbol", ALERTS_TABLE: "id"}
"""By the history flow; a column of each."""
SELECTED: Final = (BAR_VIEW,)
"""By verify, and by a replay that compares."""
SERVED: Final = {REPORT_CHUNKS_TABLE: "report", ALERT_STATES_TABLE: "id"}
"""Written by the gateway, for reports and for alerts that are acknowledged; a column of each."""


def lacking_rights(client: Client, database: str, inserted: Mapping[str, str] = INSERTED) -> Iterator[str]:
    """Rights as a GRANT spells them. Tables that aren't there are left out: their absence is told elsewhere."""
    yield from _not_inserted(client, database, inserted)
    for table in SELECTED:
        if _is_denied(client, f"SELECT symbol FROM {database}.{table} LIMIT 0"):  # noqa: S608 - names of ours
            yield f"SELECT ON {database}.{table}"


def lacking_for_gateway(client: Client, database: str) -> Iterator[str]:
    """Likewise of what a gateway writes. A deletion can't be tried on nothing, so that right isn't asked for."""
    yield from _not_inserted(client, database, SERVED)


def _not_inserted(client: Client, database: str, columns: Mapping[str, str]) -> Iterator[str]:
    for table, column in columns.items():
        if _is_denied(client, f"INSERT INTO {database}.{table} ({column}) SELECT '' WHERE 0"):
            yield f"INSERT ON {database}.{table}"


def _is_denied(client: Client, statement: str) -> bool:
    try:
        client.execute(statement)
    except errors.ServerException as error:
        return error.code in NO_RIGHT
    return False
