"""Writes a desk's records and figures to ClickHouse: Bytewax sinks over the buffer of sinks.clickhouse.sink.

Items are (shard key, DeskBatch) and (shard key, rows of figures). ``snapshot`` returns when all that was handed over is
inserted; an outage is waited for. A repeated row has the same key, and figures a version, so that the views show each
once, in its newest version.
"""

import threading
from collections.abc import Sequence

from schemas.desk import DeskBatch, RoutingRow
from schemas.names import ROUTING_1M_TABLE, ROUTING_TABLE
from sinks.clickhouse.desk_block import decision_block, routing_block
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Buffer, ClickHouseSink, Inserter

__all__ = ["DecisionsSink", "RoutingFiguresSink"]


class DecisionsSink(ClickHouseSink[DeskBatch]):
    """Every valid routing decision, into ``routing_decisions``."""

    def __init__(
        self,
        dsn: str,
        database: str,
        shards: int,
        *,
        source_epoch: int = 0,
        rows_max: int = 200_000,
        stop: threading.Event | None = None,
    ) -> None:
        def encode(batches: list[DeskBatch]) -> Block:
            return decision_block(batches, source_epoch)

        super().__init__(shards, Buffer([Inserter(dsn, database, ROUTING_TABLE, stop)], encode, len, rows_max))


class RoutingFiguresSink(ClickHouseSink[Sequence[RoutingRow]]):
    """Figures of minutes, into ``routing_1m``."""

    def __init__(
        self, dsn: str, database: str, shards: int, *, rows_max: int = 200_000, stop: threading.Event | None = None
    ) -> None:
        super().__init__(
            shards, Buffer([Inserter(dsn, database, ROUTING_1M_TABLE, stop)], routing_block, len, rows_max)
        )
