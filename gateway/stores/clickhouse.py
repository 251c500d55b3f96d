"""The one door to the ClickHouse driver: queries in threads, bounded in time and memory, and really cancelled.

The driver blocks, so each query runs in a thread of a small pool, with a connection of its own taken from the idle
ones. No query outlives its caller. When the caller is cancelled (the client left) or the deadline passes, the server
gets the protocol's Cancel and the socket is shut, which ends the thread's read; that connection is not used again. The
server is told the same bound as max_execution_time, less for safety than for its own sake. No error of the driver
leaves this file. What the server says about our user goes to the log alone, as /health/ready is public.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ServerException

from gateway.stores.breaker import CircuitBreaker
from schemas.clickhouse_codes import NO_LOGIN, ErrorCode
from schemas.errors import TapeflowError, Unreachable

__all__ = ["ClickHouse", "HistoryDefectError", "HistoryTooSlowError", "HistoryUnavailableError"]

SLOW: Final = frozenset(
    {ErrorCode.TIMEOUT_EXCEEDED, ErrorCode.TOO_SLOW, ErrorCode.TOO_MANY_ROWS, ErrorCode.MEMORY_LIMIT_EXCEEDED}
)
# The server answers, but can't serve us: it is full, shutting down, or its tables aren't there (yet).
OUT: Final = frozenset(
    {
        ErrorCode.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCode.UNKNOWN_TABLE,
        ErrorCode.UNKNOWN_DATABASE,
        ErrorCode.ABORTED,
    }
)
LOGIN: Final = "check user, password and network of the user in TAPEFLOW_CLICKHOUSE_DSN"
LIMITS: Final = (
    "let the user set max_execution_time and timeout_overflow_mode: readonly = 2, no constraint on them; reports and "
    "acknowledged alerts are written: readonly = 0"
)
GRANT: Final = (
    "grant the user SELECT on the tables and views of TAPEFLOW_CLICKHOUSE_DATABASE, and for reports INSERT and ALTER "
    "DELETE on its report_chunks, to acknowledge alerts INSERT on its alert_states"
)
# Set up wrongly, with what mends it. No query passes until then.
REFUSED: Final = dict.fromkeys(NO_LOGIN, LOGIN) | {
    ErrorCode.READONLY: LIMITS,
    ErrorCode.SETTING_CONSTRAINT_VIOLATION: LIMITS,
}
# Likewise, but the right to one table may be missing while others are served, so these don't open the breaker.
DENIED: Final = {ErrorCode.DATABASE_ACCESS_DENIED: GRANT, ErrorCode.ACCESS_DENIED: GRANT}
Columns = list[tuple[Any, ...]]
# It writes a traceback for each refused connection, which the breaker and /health/ready say in one line.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)
log = structlog.get_logger(__name__)


class HistoryUnavailableError(Unreachable):
    """ClickHouse did not answer, or can't."""


class HistoryTooSlowError(TapeflowError):
    """The query was given up: it asks for too much. No fault of the server."""

    fault = "user"


class HistoryDefectError(TapeflowError):
    """The server can't make sense of our query: a defect here, or tables of another version."""


class ClickHouse:
    """Runs queries; ``dsn`` as clickhouse://user:password@host:port. ``bounds``: settings of all, besides time."""

    def __init__(
        self,
        dsn: str,
        database: str,
        *,
        threads: int,
        timeout_ms: int,
        breaker: CircuitBreaker,
        bounds: Mapping[str, int] | None = None,
    ) -> None:
        self._dsn = dsn
        self._database = database
        self._timeout_s = timeout_ms / 1000
        self._breaker = breaker
        self._bounds = dict(bounds or {})
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="history")
        self._idle: list[Client] = []
        self._threads = threads
        self.under_way = 0
        self.cancelled = 0

    async def select(self, sql: str, params: dict[str, object]) -> Columns:
        """Columns of the answer (empty list for no rows); ``%(name)s`` in ``sql`` are filled in escaped.

        Raises BreakerOpenError, HistoryUnavailableError, HistoryTooSlowError, HistoryDefectError.
        """
        return await self._ask(sql, params)

    async def insert(self, sql: str, columns: Sequence[Sequence[Any]]) -> None:
        """Writes columns by an INSERT that ends in VALUES; raises as ``select``. It may be written though it raises."""
        await self._ask(sql, list(columns))

    async def _ask(self, sql: str, given: dict[str, object] | list[Any]) -> Columns:
        self._breaker.enter()
        client = self._idle.pop() if self._idle else self._make_client()
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, client, sql, given)
        self.under_way += 1
        try:
            async with asyncio.timeout(self._timeout_s + 1):  # the server should have said so a second ago
                columns = await asyncio.shield(running)
        except TimeoutError as error:
            self._abort(client, running)
            self._breaker.failed(error)
            raise HistoryUnavailableError(f"no answer within {self._timeout_s + 1:g} s") from None
        except asyncio.CancelledError:
            self._abort(client, running)
            self._breaker.abandoned()
            raise
        except ServerException as error:
            raise self._settle(error) from error
        except (Error, OSError, EOFError) as error:
            client.disconnect()
            self._breaker.failed(error)
            raise HistoryUnavailableError(str(error)) from error
        except Exception as error:  # an answer that the driver can't read: whatever it is, the breaker must move on
            client.disconnect()
            self._breaker.failed(error)
            raise
        finally:
            self.under_way -= 1
        self._breaker.succeeded()
        if len(self._idle) < self._threads:
            self._idle.append(client)
        return columns

    def _settle(self, error: ServerException) -> Exception:
        """What to raise where the server said no: as slow, as outage, or as a defect in our SQL."""
        message = str(error.message).partition("\n")[0][:300]
        mend = REFUSED.get(error.code) or DENIED.get(error.code)
        if error.code in OUT or error.code in REFUSED:
            self._breaker.failed(error)
        else:
            self._breaker.succeeded()
        if mend:
            log.error("clickhouse_login_refused", code=error.code, error=message, mend=mend)
            return HistoryUnavailableError(f"refused by the server (code {error.code}); the log says why")
        if error.code in OUT:
            return HistoryUnavailableError(message)
        if error.code in SLOW:
            return HistoryTooSlowError(message)
        return HistoryDefectError(f"the query fails on the server (code {error.code})")

    def _make_client(self) -> Client:
        client = Client.from_url(self._dsn)
        client.connection.connect_timeout = min(3.0, self._timeout_s)
        client.connection.send_receive_timeout = self._timeout_s + 2
        client.connection.sync_request_timeout = min(3.0, self._timeout_s)
        return client

    def _run(self, client: Client, sql: str, given: dict[str, object] | list[Any]) -> Columns:
        time = {"max_execution_time": max(1, round(self._timeout_s)), "timeout_overflow_mode": "throw"}
        limits = {**self._bounds, **time}
        columns: Columns = client.execute(sql.replace("{db}", self._database), given, columnar=True, settings=limits)
        return columns

    def _abort(self, client: Client, running: "asyncio.Future[Columns]") -> None:
        """Ends the query here and on the server. The thread notices by its socket, and the connection is dropped."""
        self.cancelled += 1
        running.cancel()  # where no thread has taken it yet
        running.add_done_callback(_forget)
        connection = client.connection
        with contextlib.suppress(OSError, EOFError, AttributeError):  # it may have ended or not begun: both are fine
            connection.send_cancel()
        with contextlib.suppress(OSError, AttributeError):
            connection.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for client in self._idle:
            client.disconnect()
        self._idle.clear()

    @property
    def address(self) -> str:
        parts = urlsplit(self._dsn)
        return f"{parts.hostname}:{parts.port or 9000}"


def _forget(running: "asyncio.Future[Columns]") -> None:
    """Takes the exception of a query that nobody waits for, so that the loop does not report it as lost."""
    if not running.cancelled():
        running.exception()
