"""The embedded ClickHouse (chdb): the only file that knows it.

``server`` gives every client a ``Session`` with its own settings and current database. An error inside the engine comes
out as ServerError with ClickHouse's code, never as success. Data goes in through a memory file and ``INSERT ... FROM
INFILE``: chdb's own ``send_insert`` reports success for rows that a constraint, a view or "too many parts" refused, and
inline data is cut at its first newline byte. One process can open one data folder only. Valid for the pinned chdb: it
relies on one Native block per streamed chunk and on the text of two errors.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas.clickhouse_codes import ErrorCode

# The engine takes its default time zone from the process; the server announces UTC.
os.environ["TZ"] = "UTC"

from chdb import session as chdb_session

from local.clickhouse.native import Column, walk_block
from local.clickhouse.types import ServerError
from local.clickhouse.window import Window

__all__ = ["Engine", "Session", "quote"]

# chdb ships annotations for some of its functions only.
_open: Any = chdb_session.Session

UNSTREAMABLE: Final = "Streaming query is not supported"
ERROR: Final = re.compile(r"Code: (\d+)\. (DB::Exception: .*)", re.DOTALL)
COMPUTED: Final = frozenset({"MATERIALIZED", "ALIAS", "EPHEMERAL"})


def quote(name: str) -> str:
    """An identifier in back-quotes."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _server_error(error: Exception) -> ServerError:
    if isinstance(error, ServerError):
        return error
    found = ERROR.search(str(error))
    return ServerError(int(found[1]), found[2]) if found else ServerError(1000, f"DB::Exception: {error!r}")


class Engine:
    """One open data folder. ``server_settings`` are ClickHouse server settings such as max_server_memory_usage."""

    def __init__(self, path: str, server_settings: Mapping[str, str | int]) -> None:
        options = "&".join(f"{name}={value}" for name, value in server_settings.items())
        self._path = f"{path}?{options}" if options else path
        self._keep = _open(self._path)
        text = self._keep.query("SELECT version()", "TSV").bytes().decode().strip()
        major, minor, patch = (int(part) for part in text.split(".")[:3])
        self.version = (major, minor, patch)

    def session(self, database: str, settings: Mapping[str, str]) -> "Session":
        return Session(_open(self._path), database, settings, self)

    def close(self) -> None:
        """Only when no query runs: closing under one crashes the engine."""
        self._keep.close()


class Session:
    """One client's state in the engine. Not for two threads at once; a second query ends a stream that still runs."""

    def __init__(self, session: Any, database: str, settings: Mapping[str, str], engine: Engine) -> None:
        self._session = session
        self._engine = engine
        self._profile = dict(settings)
        self._applied: dict[str, str] = {}
        self.database = database or "default"
        for name, value in self._profile.items():
            self._set(name, value)
        self._run(f"USE {quote(self.database)}")

    def close(self) -> None:
        self._session.cleanup()

    def _run(self, sql: str, output: str = "Native") -> Any:
        try:
            return self._session.query(sql, output)
        except Exception as error:  # chdb raises plain RuntimeErrors of several kinds
            raise _server_error(error) from error

    # -- settings

    def apply(self, settings: Mapping[str, tuple[str, bool]]) -> list[str]:
        """Make ``settings`` those of the next query and reset the last query's; returns unknown ones, which are
        ignored.
        """
        for name in [name for name in self._applied if name not in settings]:
            if name in self._profile:
                self._set(name, self._profile[name])
            else:
                self._run(f"SET {name} = DEFAULT")
            del self._applied[name]
        unknown = []
        for name, (value, important) in settings.items():
            if self._applied.get(name) == value:
                continue
            try:
                if not re.fullmatch(r"\w+", name):
                    raise ServerError.of(ErrorCode.UNKNOWN_SETTING, f"Unknown setting {name!r}")
                self._set(name, value)
            except ServerError as error:
                if error.code != ErrorCode.UNKNOWN_SETTING or important:
                    raise
                unknown.append(name)
            else:
                self._applied[name] = value
        return unknown

    def _set(self, name: str, value: str) -> None:
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        self._run(f"SET {name} = '{escaped}'")

    def sets(self, name: str) -> bool:
        """Whether the running query came with a setting ``name``."""
        return name in self._applied

    # -- queries

    def stream(self, sql: str) -> Iterator[tuple[bytes, int]] | None:
        """Native blocks of a SELECT with their row counts, as they are made; None for a statement that can't stream.

        Closing the iterator stops the query.
        """
        try:
            result = self._session.send_query(sql, "Native")
        except Exception as error:  # as in _run
            if UNSTREAMABLE in str(error):
                return None
            raise _server_error(error) from error
        return self._chunks(result)

    @staticmethod
    def _chunks(result: Any) -> Iterator[tuple[bytes, int]]:
        try:
            for chunk in result:
                yield chunk.bytes(), chunk.rows_read()
        except GeneratorExit:
            raise
        except Exception as error:  # as in _run
            raise _server_error(error) from error
        finally:
            result.cancel()

    def execute(self, sql: str) -> Iterator[tuple[bytes, int]]:
        """Run any other statement to its end; the Native blocks of its answer, often none."""
        data = self._run(sql).bytes()
        window = Window(data=data)
        while window.at < len(data):
            start = window.at
            rows = walk_block(window).rows
            yield data[start : window.at], rows

    def describe(self, what: str, *, aside: bool = False) -> list[tuple[Column, bool]]:
        """Columns of a table or ``(subquery)``, each with whether an INSERT may give it a value.

        ``aside`` asks through a throw-away session, so that this one's stream goes on.
        """
        if aside:
            other = self._engine.session(self.database, {})
            try:
                return other.describe(what)
            finally:
                other.close()
        data = self._run(f"DESCRIBE TABLE {what}", "RowBinary").bytes()
        window = Window(data=data)
        columns = []
        while window.at < len(data):
            name, type_name, kind, *_ = [window.text() for _ in range(7)]
            columns.append(((name, type_name), kind not in COMPUTED))
        return columns

    def insert(self, into: str, clause: str, file: int) -> tuple[int, int]:
        """Insert the Native blocks of the open memory file ``file``: (rows, bytes) written.

        ``into`` is the table with its column list, ``clause`` a SETTINGS clause or nothing.
        """
        result = self._run(
            f"INSERT INTO {into} FROM INFILE '/proc/self/fd/{file}' COMPRESSION 'none' {clause} FORMAT Native"
        )
        return int(result.rows_written()), int(result.bytes_written())
