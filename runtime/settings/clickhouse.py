"""The settings of history: the server, its database, and what is written there.

A part of runtime.settings.whole; everything said there of values and sources holds.
"""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import setting, url
from schemas.names import DATABASE

__all__ = ["ClickHouseSettings"]


class ClickHouseSettings(BaseSettings):
    """Where history goes."""

    clickhouse_dsn: Annotated[str, AfterValidator(url("clickhouse", "clickhouses"))] = setting(
        "clickhouse://127.0.0.1:9000", "Server of the native protocol, as clickhouse://user:password@host:port"
    )
    clickhouse_database: str = setting(DATABASE, "Database of our tables", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    clickhouse_cluster: str = setting(
        "",
        "Cluster of ClickHouse, as in its remote_servers, on whose nodes `tapeflow migrate` makes replicated and "
        "distributed tables; empty means one server",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,63})?$",
    )
    write_trades: bool = setting(
        True, "Keep every raw trade too; most of the work of history, so turn it off where bars are enough"
    )
    insert_rows_max: int = setting(
        100_000,
        "Most rows in one insert; smaller ones cost less memory, and ClickHouse merges more parts",
        unit="rows",
        ge=1_000,
        le=5_000_000,
    )
    clickhouse_ttl_days: int = setting(0, "Age at which raw trades are deleted; 0 keeps them", unit="days", ge=0)
