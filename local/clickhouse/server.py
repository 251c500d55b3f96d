"""The embedded ClickHouse server: clients of the native protocol in front, the engine behind, a thread per client.

Unmodified ClickHouse clients (clickhouse-driver, the command-line client) connect to it as to a single node. An INSERT
is all or nothing and is answered only after the engine has it. A client that dies in the middle leaves no row behind.
On shutdown running queries are waited for, because closing the engine under one crashes it. What it is not: no
replication, Keeper, Kafka engine, TLS, users and grants, quotas, query log, server-side parameters, external tables,
WITH TOTALS rows. ``async_insert`` is accepted and done at once.
"""

import os
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import Final

import structlog

from local.clickhouse import protocol
from local.clickhouse.engine import Engine, Session
from local.clickhouse.native import Column, rename_types, walk_block
from local.clickhouse.protocol import Wire
from local.clickhouse.statements import (
    Insert,
    as_subquery,
    parse_insert,
    used_database,
    without_comments,
    without_format,
)
from local.clickhouse.types import ServerError, parse_type
from local.clickhouse.window import Window
from schemas.clickhouse_codes import ErrorCode

__all__ = ["Server"]

log = structlog.get_logger()

GRACE_S: Final = 5.0


class Server(socketserver.ThreadingTCPServer):
    """Listens from construction on; ``port`` 0 takes a free one. ``users`` maps names to passwords."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], engine: Engine, users: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
        super().__init__(address, _Connection)
        self.engine = engine
        self.users = dict(users)
        self.settings = dict(settings)
        self._running = 0
        self._clients: set[socket.socket] = set()
        self._changed = threading.Condition()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def enter_query(self) -> None:
        with self._changed:
            self._running += 1

    def leave_query(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def enter_client(self, client: socket.socket) -> None:
        with self._changed:
            self._clients.add(client)

    def leave_client(self, client: socket.socket) -> None:
        with self._changed:
            self._clients.discard(client)
            self._changed.notify_all()

    def drain(self, grace_s: float = GRACE_S) -> bool:
        """Wait until no query runs, then hang up on everyone; False when one still ran after ``grace_s``."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._running, grace_s):
                return False
            for client in self._clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            return self._changed.wait_for(lambda: not self._clients, grace_s)


class _Connection(socketserver.BaseRequestHandler):
    """One client, from its Hello to its end."""

    server: Server

    def handle(self) -> None:
        self.wire = Wire(self.request)
        try:
            session = self._greet()
        except (EOFError, ConnectionError, UnicodeDecodeError):
            # Not a ClickHouse client, or a port probe: nobody to tell.
            return
        if session is None:
            return
        self.server.enter_client(self.request)
        try:
            while True:
                self._packet(session)
        except (EOFError, ConnectionError) as error:
            log.debug("clickhouse_client_left", reason=str(error))
        except Exception:
            # The thread's last stop: one broken client must not take others along, and must not be silent.
            log.exception("clickhouse_connection_failed")
        finally:
            session.close()
            self.server.leave_client(self.request)

    def _greet(self) -> Session | None:
        hello = self.wire.read_hello()
        try:
            if hello.revision < protocol.REVISION:
                refusal = f"client revision {hello.revision} is older than {protocol.REVISION}"
                raise ServerError.of(ErrorCode.NETWORK_ERROR, refusal)
            if self.server.users.get(hello.user) != hello.password:
                raise ServerError.of(
                    ErrorCode.AUTHENTICATION_FAILED,
                    f"{hello.user}: Authentication failed: password is incorrect, or there is no user with such name",
                )
            session = self.server.engine.session(hello.database, self.server.settings)
        except ServerError as error:
            self.wire.send_exception(error)
            return None
        self.wire.send_hello(self.server.engine.version)
        return session

    def _packet(self, session: Session) -> None:
        kind = self.wire.read_kind()
        if kind == protocol.PING:
            self.wire.send_pong()
        elif kind == protocol.QUERY:
            self._query(session)
        elif kind == protocol.DATA:
            # What a client had under way when it got an exception.
            self.wire.read_data()
        elif kind != protocol.CANCEL:
            raise ConnectionError(f"unexpected packet {kind}")

    def _query(self, session: Session) -> None:
        query = self.wire.read_query()
        sql = without_comments(query.sql)
        self.server.enter_query()
        try:
            if query.external_tables:
                raise ServerError.of(ErrorCode.NOT_IMPLEMENTED, "external tables are not implemented")
            for name in session.apply(query.settings):
                log.warning("clickhouse_setting_ignored", setting=name)
            insert = parse_insert(sql)
            if insert:
                self._insert(session, insert)
            else:
                self._answer(session, without_format(sql))
        except ServerError as error:
            log.debug("clickhouse_query_failed", code=error.code, message=error.message)
            self.wire.send_exception(error)
        finally:
            self.server.leave_query()

    # -- INSERT with data packets

    def _insert(self, session: Session, insert: Insert) -> None:
        described = session.describe(insert.table)
        columns = _insertable(described, insert)
        for _, type_name in columns:
            # Refused now; once the client sends blocks there is no way to skip a type that isn't known.
            parse_type(type_name)
        self.wire.send_header(columns)
        file = os.memfd_create("insert")
        try:
            if self._receive_blocks(file):
                clause = insert.settings
                if not session.sets("max_threads") and "max_threads" not in clause:
                    # A block is parsed by one thread whatever this says; more only cost the hand-over.
                    clause = f"{clause}, max_threads = 1" if clause else "SETTINGS max_threads = 1"
                rows, size = session.insert(f"{insert.table} {insert.column_list}", clause, file)
                self.wire.send_written(rows, size)
        finally:
            os.close(file)
        self.wire.send_end()

    def _receive_blocks(self, file: int) -> int:
        """The client's blocks into the memory file, up to the closing empty one; rows in all."""
        total = 0
        while True:
            kind = self.wire.read_kind()
            if kind == protocol.CANCEL:
                raise ServerError.of(ErrorCode.QUERY_WAS_CANCELLED, "Query was cancelled")
            if kind != protocol.DATA:
                raise ConnectionError(f"unexpected packet {kind} during INSERT")
            _, block, native = self.wire.read_data()
            if not block.rows:
                return total
            total += block.rows
            while native:
                native = native[os.write(file, native) :]

    # -- SELECT and everything else

    def _answer(self, session: Session, sql: str) -> None:
        blocks = session.stream(sql)
        if blocks is None:
            self._send_result(session, sql, session.execute(sql), streamed=False)
            database = used_database(sql)
            if database:
                session.database = database
        else:
            self._send_result(session, sql, blocks, streamed=True)
        self.wire.send_end()

    def _send_result(self, session: Session, sql: str, blocks: Iterator[tuple[bytes, int]], *, streamed: bool) -> None:
        rows = count = size = 0
        first = next(blocks, None)
        if first is None:
            if not streamed:
                return
            # The engine gives no block at all for an empty answer; clients take the types from a header.
            self.wire.send_header([column for column, _ in session.describe(as_subquery(sql))])
            self.wire.send_profile(0, 0, 0)
            return
        columns, renamed = _true_types(session, sql, first[0], streamed=streamed)
        self.wire.send_header(columns)
        for native, block_rows in chain((first,), blocks):
            rows, count, size = rows + block_rows, count + 1, size + len(native)
            self.wire.send_block(rename_types(native, walk_block(Window(data=native)), renamed) if renamed else native)
            if self.wire.wants_attention():
                if self.wire.read_kind() != protocol.CANCEL:
                    raise ConnectionError("unexpected packet during a query")
                break
        close = getattr(blocks, "close", None)
        if close:
            close()
        self.wire.send_profile(rows, count, size)


def _insertable(described: list[tuple[Column, bool]], insert: Insert) -> list[Column]:
    if insert.columns is None:
        return [column for column, settable in described if settable]
    types = dict(column for column, _ in described)
    for name in insert.columns:
        if name not in types:
            raise ServerError.of(ErrorCode.NO_SUCH_COLUMN_IN_TABLE, f"No such column {name} in table {insert.table}")
    return [(name, types[name]) for name in insert.columns]


def _true_types(session: Session, sql: str, native: bytes, *, streamed: bool) -> tuple[list[Column], dict[int, str]]:
    """The answer's columns, and the types by index that the engine's blocks misname.

    FORMAT Native calls a ``DateTime('UTC')`` plain ``DateTime``, and clients would make naive times of it.
    """
    columns = walk_block(Window(data=native)).columns
    if not streamed or all(type_name != "DateTime" for _, type_name in columns):
        return columns, {}
    try:
        real = [column for column, _ in session.describe(as_subquery(sql), aside=True)]
    except ServerError as error:
        # A temporary table, say, which only this session can see.
        log.warning("clickhouse_time_zone_refused", reason=error.message)
        return columns, {}
    renamed = {
        index: true
        for index, ((_, true), (_, named)) in enumerate(zip(real, columns, strict=False))
        if named == "DateTime" and true.startswith("DateTime(")
    }
    return [(name, renamed.get(index, named)) for index, (name, named) in enumerate(columns)], renamed
