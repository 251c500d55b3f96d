"""Writes a desk's records and figures to ClickHouse: Bytewax sinks over the buffer of sinks.clickhouse.sink.

Items are (shard key, DeskBatch) and (shard key, rows of figures). ``snapshot`` returns when all that was handed over is
inserted; an outage is waited for. A repeated row has the same key, and figures a version, so that the views show each
once, in its newest version.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from schemas.desk import DeskBatch, DeskKind
from schemas.names import EXPOSURE_1M_TABLE, LP_1M_TABLE, ROUTING_1M_TABLE, ROUTING_TABLE
from sinks.clickhouse.desk_block import decision_block, exposure_block, lp_block, routing_block
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Buffer, ClickHouseSink, Inserter

__all__ = ["FIGURES", "DecisionsSink", "FiguresSink"]

FIGURES: Final[dict[DeskKind, tuple[str, Callable[[Any], Block]]]] = {
    "routing": (ROUTING_1M_TABLE, routing_block),
    "lp": (LP_1M_TABLE, lp_block),
    "exposure": (EXPOSURE_1M_TABLE, exposure_block),
}
"""The table of each kind's minutes, and what makes a block of their rows."""


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


class FiguresSink(ClickHouseSink[Sequence[Any]]):
    """Figures of a kind's minutes, into its table."""

    def __init__(
        self,
        kind: DeskKind,
        dsn: str,
        database: str,
        shards: int,
        *,
        rows_max: int = 200_000,
        stop: threading.Event | None = None,
    ) -> None:
        table, encode = FIGURES[kind]
        super().__init__(shards, Buffer([Inserter(dsn, database, table, stop)], encode, len, rows_max))
