"""Writes batches into our tables as a flow does, and ends: for tests that look at what then stands there."""

from schemas.columns import BarBatch, TradeBatch
from sinks.clickhouse.sink import ClickHouseBarsSink, ClickHouseTradesSink


def write_trades(dsn: str, database: str, *batches: TradeBatch, late_only: bool = False, source_epoch: int = 0) -> None:
    part = ClickHouseTradesSink(dsn, database, 1, late_only=late_only, source_epoch=source_epoch).build_part(
        "write_trades", "00000", None
    )
    part.write_batch(list(batches))
    part.snapshot()
    part.close()


def written(dsn: str, database: str, *batches: BarBatch) -> None:
    part = ClickHouseBarsSink(dsn, database, 1).build_part("write_bars", "00000", None)
    for batch in batches:
        part.write_batch([batch])
        part.snapshot()
    part.close()
