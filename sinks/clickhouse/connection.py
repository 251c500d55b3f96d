"""A connection to ClickHouse for whoever asks it or inserts: opened with a greeting, failures said in one line.

Checks at start, migrations and jobs take ``connect``; inserters, which wait until a server is back, ``open_client``,
and see the driver's own errors: FAULTS.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from clickhouse_driver import Client, errors

from schemas.errors import SettingError, Unreachable

__all__ = ["FAULTS", "AskedClient", "connect", "in_words", "open_client", "place"]

CONNECT_S: Final = 5
ANSWER_S: Final = 60
"""An insert of 200,000 rows takes under a second; a minute means a stalled server, and repeating is harmless."""
FAULTS: Final = (errors.NetworkError, errors.SocketTimeoutError, EOFError, OSError)
"""What the driver raises when the server or the way to it is at fault."""


class AskedClient(Client):  # type: ignore[misc]  # the driver has no types
    """A client whose questions raise Unreachable when the server goes away or takes too long; else as the driver's."""

    def execute(self, *query: Any, **options: Any) -> Any:
        with self._answered():
            return super().execute(*query, **options)

    def execute_iter(self, *query: Any, **options: Any) -> Iterator[Any]:
        with self._answered():
            yield from super().execute_iter(*query, **options)

    @contextmanager
    def _answered(self) -> Iterator[None]:
        # The connection itself forgets where it was once it is closed.
        host, port = self.connection.hosts[0]
        try:
            yield
        except FAULTS as error:
            raise Unreachable(
                "ClickHouse does not answer any more",
                where=f"{host}:{port}",
                mend=f"look at its load and its log, then begin anew ({in_words(error)})",
            ) from error


def place(dsn: str) -> str:
    """host:port of a DSN, for messages: never its login."""
    parts = urlsplit(dsn)
    return f"{parts.hostname}:{parts.port or (9440 if parts.scheme == 'clickhouses' else 9000)}"


def connect(dsn: str) -> Client:
    """Connected client with timeouts (the DSN's query may set others, e.g. ``?compression=lz4``).

    Raises SettingError for a bad DSN or login, Unreachable when nothing answers. Later on Unreachable is raised, too,
    by a question that the server leaves without an answer.
    """
    client = open_client(dsn, AskedClient)
    connection = client.connection
    # The server may be no ClickHouse and wait for our next bytes for ever. ClickHouse greets as soon as it is connected
    # to, so the greeting needs to be waited for no longer than the connection.
    answer_s = connection.send_receive_timeout
    connection.send_receive_timeout = min(answer_s, connection.connect_timeout)
    try:
        connection.connect()
    except errors.ServerException as error:
        raise SettingError(
            "ClickHouse refused the login", where=place(dsn), mend=f"set TAPEFLOW_CLICKHOUSE_DSN ({in_words(error)})"
        ) from error
    except (errors.Error, EOFError, OSError) as error:
        raise Unreachable(
            "ClickHouse does not answer",
            where=place(dsn),
            mend=f"start it or set TAPEFLOW_CLICKHOUSE_DSN ({in_words(error)})",
        ) from error
    connection.send_receive_timeout = answer_s
    connection.socket.settimeout(answer_s)
    return client


def open_client(dsn: str, kind: type[Client] = Client) -> Client:
    """Connects at the first use. Raises SettingError for a bad DSN."""
    # The driver logs a stack trace per refused connection; an outage gets our one line instead.
    logging.getLogger("clickhouse_driver").setLevel(logging.ERROR)
    try:
        parts = urlsplit(dsn)
        if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname:
            raise ValueError("clickhouse://user:password@host:9000/database is the form")
        defaults = {"connect_timeout": CONNECT_S, "send_receive_timeout": ANSWER_S, "sync_request_timeout": CONNECT_S}
        given = {pair.partition("=")[0] for pair in parts.query.split("&")}
        added = "&".join(f"{name}={value}" for name, value in defaults.items() if name not in given)
        query = f"{parts.query}&{added}" if parts.query else added
        return kind.from_url(parts._replace(query=query).geturl())
    except (ValueError, TypeError, RuntimeError) as error:
        raise SettingError("bad ClickHouse DSN", where="TAPEFLOW_CLICKHOUSE_DSN", mend=str(error)) from error


def in_words(error: BaseException) -> str:
    """One line without the driver's own codes, which mean nothing to whom it may wake."""
    if isinstance(error, errors.SocketTimeoutError | TimeoutError):
        return "ClickHouse didn't answer in time"
    if isinstance(error, EOFError):
        return "ClickHouse closed the connection"
    text = error.message if isinstance(error, errors.Error) and error.message else str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0][:200]
