"""Writes trades and final bars to ClickHouse in big columnar inserts, by clickhouse-driver.

Bytewax items are (shard key, TradeBatch or BarBatch); a sink buffers them, a thread of its own encodes and inserts.
``snapshot`` returns when all that was handed over is inserted. An outage is waited for and the insert repeated. The
tables' engines make that harmless: a repeated row has the same key, and the views show it once. Columns go to the
driver's connection as ready bytes (sinks.clickhouse.native_block); handshake, framing, compression and errors stay the
driver's.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

import numpy as np
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from clickhouse_driver import errors
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.defines import (
    DBMS_MIN_REVISION_WITH_BLOCK_INFO,
    DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION,
    DBMS_MIN_REVISION_WITH_TEMPORARY_TABLES,
)
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str

from runtime.outage import persist
from runtime.tracing.names import BATCH_SIZE, DB_COLLECTION, DB_OPERATION, DB_SYSTEM
from runtime.tracing.tracer import CLIENT, INTERNAL, tracer
from schemas.clickhouse_codes import PASSING
from schemas.closing import quietly
from schemas.columns import DUPLICATE, LATE, BarBatch, Longs, TradeBatch
from schemas.errors import MissingObject
from schemas.names import BARS_TABLE, LATE_TRADES_TABLE, TRADES_TABLE
from schemas.shards import part_names, partition_of
from sinks.clickhouse.connection import FAULTS, in_words, open_client, place
from sinks.clickhouse.native_block import Block, bar_block, trade_block
from sinks.clickhouse.refusals import refusal
from sinks.handover import Handover

__all__ = ["Buffer", "ClickHouseBarsSink", "ClickHouseSink", "ClickHouseTradesSink", "Inserter"]

Batch = TypeVar("Batch")

WAITING_MAX: Final = 1
"""Inserts that may wait behind the running one; more would only hold memory."""
LOOK_S: Final = 5.0
"""After so long without an insert, what was gathered since goes out, though no epoch ended."""
INSERT_SETTINGS: Final = "optimize_on_insert = 0, max_partitions_per_insert_block = 0"
"""Equal keys inside a block are left to merges and views: sorting them out here costs a third of an insert. And a block
may hold any number of months: a refusal would say 252, like too many parts, and the same block would come again."""
EAGER_SHARE: Final = 4
"""An idle server gets an insert from 1/4 of the full size on, so that little is left to wait for at a snapshot."""
TRADE_LANES: Final = 2
"""Connections for raw trades: while the server works on a block, the next is encoded and sent; order doesn't matter."""


def _is_outage(error: Exception) -> bool:
    if isinstance(error, errors.ServerException):
        return error.code in PASSING
    return isinstance(error, FAULTS)


class Inserter:
    """Inserts blocks into one table over one connection; used by one thread."""

    def __init__(self, dsn: str, database: str, table: str, stop: threading.Event | None = None) -> None:
        self._client = open_client(dsn)
        self._where = f"{place(dsn)} {database}.{table}"
        self._user = self._client.connection.user
        self.table = f"{database}.{table}"
        self._stop = stop or threading.Event()

    def insert(self, block: Block) -> None:
        """Insert, waiting as long as the server is away.

        Raises MissingObject for a table that is absent or of other columns, SettingError for a right that is missing,
        WriteFailed for any other refusal, Unreachable when stopped while waiting.
        """
        try:
            persist(
                lambda: self._insert(block),
                server="clickhouse",
                where=self._where,
                is_outage=_is_outage,
                stop=self._stop,
                in_words=in_words,
            )
        except errors.ServerException as error:
            raise refusal(
                error, in_words(error), right="INSERT", on=self.table, user=self._user, where=self._where
            ) from error

    def close(self) -> None:
        self._client.disconnect()

    def _insert(self, block: Block) -> None:
        names = ", ".join(name for name, _ in block.columns)
        query = f"INSERT INTO {self.table} ({names}) SETTINGS {INSERT_SETTINGS} VALUES"
        client = self._client
        with client.disconnect_on_error(query, None):
            client.connection.send_query(query)
            client.connection.send_external_tables(None)
            sample = client.receive_sample_block()
            self._check(block, sample.columns_with_types)
            _send(client.connection, block)
            client.receive_profile_events()
            client.connection.send_data(ColumnOrientedBlock())
            client.receive_profile_events()
            client.receive_end_of_insert_query()

    def _check(self, block: Block, found: Sequence[tuple[str, str]]) -> None:
        for (name, wanted), (_, there) in zip(block.columns, found, strict=True):
            if wanted.replace(" ", "") != there.replace(" ", ""):
                raise MissingObject(
                    f"table {self.table} has column {name} of type {there}, not {wanted}",
                    where=self._where,
                    mend="run `tapeflow migrate`, or move the old table away first",
                )


def _send(connection: Any, block: Block) -> None:
    """What Connection.send_data does, with columns that are bytes already."""
    revision = connection.server_info.used_revision
    write_varint(ClientPacketTypes.DATA, connection.fout)
    if revision >= DBMS_MIN_REVISION_WITH_TEMPORARY_TABLES:
        write_binary_str("", connection.fout)
    stream = connection.block_out
    out = stream.fout
    if revision >= DBMS_MIN_REVISION_WITH_BLOCK_INFO:
        BlockInfo().write(out)
    write_varint(len(block.columns), out)
    write_varint(block.rows, out)
    for (name, kind), data in zip(block.columns, block.data, strict=True):
        write_binary_str(name, out)
        write_binary_str(kind, out)
        if revision >= DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION:
            out.write(b"\0")
        out.write(data)
    stream.finalize()


class Buffer(Generic[Batch]):
    """What the partitions of one sink gather, and the threads that insert it. ``rows_of`` counts what a batch adds.

    traceparents: of what a batch was made of, as far as that is recorded.
    """

    def __init__(
        self,
        inserters: Sequence[Inserter],
        encode: Callable[[list[Batch]], Block],
        rows_of: Callable[[Batch], int],
        rows_max: int,
        traceparents: Callable[[Batch], Sequence[str]] = lambda _: (),
    ) -> None:
        self._inserters = inserters
        self._traceparents = traceparents
        self._encode = encode
        self._rows_of = rows_of
        self._rows_max = rows_max
        self._batches: list[Batch] = []
        self._rows = 0
        self._users = 0
        self._lock = threading.Lock()
        self._handover: Handover[list[Batch]] = Handover(
            *(partial(self._insert, inserter) for inserter in inserters),
            name="clickhouse-insert",
            depth=WAITING_MAX,
            look=self._look,
            look_s=LOOK_S,
        )

    def add(self, batches: Sequence[Batch]) -> None:
        with self._lock:
            for batch in batches:
                rows = self._rows_of(batch)
                if not rows:
                    continue
                self._batches.append(batch)
                self._rows += rows
                full = self._rows >= self._rows_max
                if full or (self._handover.idle and self._rows * EAGER_SHARE >= self._rows_max):
                    self._hand_over()

    def flush(self) -> None:
        """Returns when all that was added is inserted."""
        with self._lock:
            if self._batches:
                self._hand_over()
        self._handover.drain()

    def open(self) -> None:
        with self._lock:
            self._users += 1

    def close(self) -> None:
        """The last part to close ends the threads and the connections; what wasn't flushed is dropped."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            self._batches, self._rows = [], 0
        self._handover.close()
        for inserter in self._inserters:
            with quietly("ClickHouse"):
                inserter.close()

    def _look(self) -> None:
        """The engine's epochs go by the host's clock: set back, they don't end before it has caught up."""
        if self._lock.acquire(blocking=False):  # who holds it may wait for this very thread
            try:
                if self._batches:
                    self._hand_over()
            finally:
                self._lock.release()

    def _hand_over(self) -> None:
        self._handover.put(self._batches)
        self._batches, self._rows = [], 0

    def _insert(self, inserter: Inserter, groups: list[list[Batch]]) -> None:
        while groups:
            group = groups.pop(0)
            parents = [each for batch in group for each in self._traceparents(batch)]
            about = {DB_SYSTEM: "clickhouse", DB_OPERATION: "INSERT", DB_COLLECTION: inserter.table}
            with tracer().span("write clickhouse", CLIENT, parents, about) as span:
                block = self._encode(group)
                del group  # its rows need not stay in memory until the server has answered
                span.set(BATCH_SIZE, block.rows)
                inserter.insert(block)


class ClickHouseSink(FixedPartitionedSink[Batch, None], Generic[Batch]):
    """Parts are shards; all of a worker's share one buffer."""

    def __init__(self, shards: int, buffer: Buffer[Batch]) -> None:
        self._shards = shards
        self._buffer = buffer

    def list_parts(self) -> list[str]:
        return part_names(self._shards)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part[Batch]":  # noqa: ARG002
        return _Part(self._buffer)


class _Part(StatefulSinkPartition[Batch, None], Generic[Batch]):
    def __init__(self, buffer: Buffer[Batch]) -> None:
        self._buffer = buffer
        buffer.open()

    def write_batch(self, values: list[Batch]) -> None:
        self._buffer.add(values)

    def snapshot(self) -> None:
        with tracer().span("epoch", INTERNAL):
            self._buffer.flush()

    def close(self) -> None:
        self._buffer.close()


class ClickHouseBarsSink(ClickHouseSink[BarBatch]):
    """Items: (shard key, BarBatch of final bars)."""

    def __init__(
        self,
        dsn: str,
        database: str,
        shards: int,
        *,
        table: str = BARS_TABLE,
        rows_max: int = 200_000,
        stop: threading.Event | None = None,
    ) -> None:
        inserter = Inserter(dsn, database, table, stop)
        super().__init__(shards, Buffer([inserter], bar_block, len, rows_max, lambda bars: bars.traceparents))


class ClickHouseTradesSink(ClickHouseSink[TradeBatch]):
    """Items: (shard key, TradeBatch after core filled in ``outcome``).

    Writes every trade but duplicates; with ``late_only`` just the late ones, into ``late_trades``.
    """

    def __init__(
        self,
        dsn: str,
        database: str,
        shards: int,
        *,
        late_only: bool = False,
        source_epoch: int = 0,
        rows_max: int = 200_000,
        stop: threading.Event | None = None,
    ) -> None:
        def chosen(batch: TradeBatch) -> Longs:
            outcome = batch.rows["outcome"]
            return cast(Longs, np.flatnonzero(outcome == LATE if late_only else outcome != DUPLICATE))

        def encode(batches: list[TradeBatch]) -> Block:
            return trade_block([(batch, chosen(batch)) for batch in batches], source_epoch)

        def traceparents_of(batch: TradeBatch) -> Sequence[str]:
            return batch.trace.traceparents if batch.trace is not None else ()

        def rows_of(batch: TradeBatch) -> int:
            outcome = batch.rows["outcome"]
            return int(np.count_nonzero(outcome == LATE)) if late_only else len(outcome)

        table, lanes = (LATE_TRADES_TABLE, 1) if late_only else (TRADES_TABLE, TRADE_LANES)
        inserters = [Inserter(dsn, database, table, stop) for _ in range(lanes)]
        super().__init__(shards, Buffer(inserters, encode, rows_of, rows_max, traceparents_of))
