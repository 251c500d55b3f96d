"""Results of reports in ClickHouse: JSON rows in chunks, written by one run of a job and read by any gateway.

The runner hands in rows and gets them cut into chunks of half a megabyte, a few to an insert. A reader takes one chunk
at a time by its key and holds no connection meanwhile, so a slow reader costs the memory of one chunk. A chunk belongs
to a run, so what a run wrote that lost its job is never read. The table drops what has expired by itself
(docs/adr/0037-reports-lie-in-clickhouse.md).
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.stores.breaker import BreakerOpenError
from gateway.stores.clickhouse import ClickHouse, HistoryDefectError, HistoryTooSlowError, HistoryUnavailableError
from schemas.names import REPORT_CHUNKS_TABLE

__all__ = ["ResultWriter", "Results"]

OUT: Final = (HistoryUnavailableError, HistoryTooSlowError, BreakerOpenError)
CHUNK_BYTES: Final = 512 << 10
INSERT_BYTES: Final = 4 << 20
SPARE_S: Final = 86_400  # a job may wait and be worked on before it is finished and its time begins
INSERT: Final = f"INSERT INTO {{db}}.{REPORT_CHUNKS_TABLE} (report, run, chunk, body, expires) VALUES"
READ: Final = (
    f"SELECT body FROM {{db}}.{REPORT_CHUNKS_TABLE}"  # noqa: S608 - names of ours
    " WHERE report = %(report)s AND run = %(run)s AND chunk = %(chunk)s LIMIT 1"
)
FORGET: Final = f"DELETE FROM {{db}}.{REPORT_CHUNKS_TABLE} WHERE report = %(report)s"  # noqa: S608 - as above


class Results:
    """Over the connections of reports; ``keep_s``: how long a finished report can be fetched."""

    def __init__(self, clickhouse: ClickHouse, keep_s: int) -> None:
        self._clickhouse = clickhouse
        self._keep_s = keep_s

    def writer(self, report: str, run: int) -> "ResultWriter":
        return ResultWriter(self._clickhouse, report, run, int(time.time()) + self._keep_s + SPARE_S)

    async def chunk(self, report: str, run: int, chunk: int) -> str:
        """JSON rows with commas between; raises HistoryDefectError where they aren't there."""
        given: dict[str, object] = {"report": report, "run": run, "chunk": chunk}
        columns = await self._clickhouse.select(READ, given)
        if not columns:
            raise HistoryDefectError(f"chunk {chunk} of report {report} is gone")
        return str(columns[0][0])

    async def forget(self, report: str, run: int | None = None) -> None:
        """Deletes what was written for a report, by all runs or by one. Where that fails, it expires all the same."""
        of_run = "" if run is None else " AND run = %(run)s"
        with contextlib.suppress(*OUT):
            await self._clickhouse.select(FORGET + of_run, {"report": report, "run": run})


class ResultWriter:
    """The chunks of one run. ``rows``, ``size`` and ``chunks`` count what was put in."""

    def __init__(self, clickhouse: ClickHouse, report: str, run: int, expires_s: int) -> None:
        self._clickhouse = clickhouse
        self._report, self._run, self._expires_s = report, run, expires_s
        self._rows: list[bytes] = []
        self._rows_bytes = 0
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._written = 0
        self.rows = self.size = 0

    @property
    def chunks(self) -> int:
        return self._written + len(self._waiting)

    async def put(self, rows: Sequence[msgspec.Struct]) -> None:
        """Adds rows; may write some of those before."""
        for body, count in await asyncio.to_thread(_encode, rows):
            self._rows.append(body)
            self._rows_bytes += len(body) + 1
            self.rows += count
            self.size += len(body) + 1
            if self._rows_bytes >= CHUNK_BYTES:
                self._close_chunk()
        if self._waiting_bytes >= INSERT_BYTES:
            await self._write()

    async def end(self) -> None:
        """Writes what is left: then the result is whole."""
        self._close_chunk()
        await self._write()

    def _close_chunk(self) -> None:
        if self._rows:
            body = b",".join(self._rows).decode()
            self._waiting.append(body)
            self._waiting_bytes += len(body)
            self._rows, self._rows_bytes = [], 0

    async def _write(self) -> None:
        count = len(self._waiting)
        if not count:
            return
        numbers = range(self._written, self._written + count)
        keys = ([self._report] * count, [self._run] * count, list(numbers))
        columns = (*keys, self._waiting, [self._expires_s] * count)
        writing = asyncio.ensure_future(self._clickhouse.insert(INSERT, columns))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait((writing,))  # else it may land after all of this report was forgotten
            writing.cancelled() or writing.exception()
            raise
        self._written += count
        self._waiting, self._waiting_bytes = [], 0


def _encode(rows: Sequence[msgspec.Struct], together: int = 500) -> list[tuple[bytes, int]]:
    """JSON of ``rows``, some hundred at a time, without the brackets, and how many they are."""
    groups = (rows[at : at + together] for at in range(0, len(rows), together))
    return [(msgspec.json.encode(group)[1:-1], len(group)) for group in groups]
