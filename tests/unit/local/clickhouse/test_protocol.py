"""Packets of the native protocol: what a client sends is read to its last byte, and nonsense ends the connection."""

import socket
from collections.abc import Iterator

import pytest

from local.clickhouse.native import text, varint
from local.clickhouse.protocol import PING, QUERY, REVISION, Hello, Query, Wire
from local.clickhouse.types import ServerError

NO_TABLES = b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"
HELLO = b"\x00" + text("me") + varint(1) + varint(2) + varint(54400) + text("db") + text("user") + text("word")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Wire]]:
    """The client's socket, and the server's wire on the other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        served, _ = listener.accept()
    with client, served:
        yield client, Wire(served)


def query(sql: str, settings: bytes = b"") -> bytes:
    return b"\x01" + text("") + b"\x00" + settings + text("") + varint(2) + varint(0) + text(sql) + NO_TABLES


def test_hello_and_what_is_none(ends: tuple[socket.socket, Wire]) -> None:
    client, wire = ends
    client.sendall(HELLO)
    assert wire.read_hello() == Hello("me", 54400, "db", "user", "word")
    client.sendall(b"\x05")
    with pytest.raises(ConnectionError, match="isn't Hello"):
        wire.read_hello()


def test_a_query_with_its_settings_and_the_packet_behind_it(ends: tuple[socket.socket, Wire]) -> None:
    client, wire = ends
    settings = text("max_threads") + b"\x01" + text("4") + text("readonly") + b"\x00" + text("1")
    client.sendall(query("SELECT 1", settings) + b"\x04")
    assert wire.read_kind() == QUERY
    assert wire.read_query() == Query("SELECT 1", {"max_threads": ("4", True), "readonly": ("1", False)}, False)
    assert wire.read_kind() == PING


def test_a_query_in_pieces_is_waited_for_and_one_that_breaks_off_is_the_end(ends: tuple[socket.socket, Wire]) -> None:
    client, wire = ends
    assert not wire.wants_attention()
    data = query("SELECT 'é'")
    for at in range(len(data)):
        client.sendall(data[at : at + 1])
    assert wire.wants_attention()
    assert wire.read_kind() == QUERY
    assert wire.read_query().sql == "SELECT 'é'"
    client.sendall(data[:9])
    client.close()
    assert wire.read_kind() == QUERY
    with pytest.raises(EOFError):
        wire.read_query()


def test_what_follows_a_query_must_be_data(ends: tuple[socket.socket, Wire]) -> None:
    client, wire = ends
    client.sendall(query("SELECT 1")[: -len(NO_TABLES)] + b"\x04")
    wire.read_kind()
    with pytest.raises(ConnectionError, match="followed by a data packet"):
        wire.read_query()


def test_answers_as_clients_read_them(ends: tuple[socket.socket, Wire]) -> None:
    client, wire = ends
    wire.send_hello((24, 8, 1))
    wire.send_pong()
    wire.send_exception(ServerError(60, "no such table"))
    wire.send_end()
    wanted = b"\x00" + text("ClickHouse") + varint(24) + varint(8) + varint(REVISION) + text("UTC")
    wanted += text("tapeflow local") + varint(1) + b"\x04"
    wanted += b"\x02\x3c\x00\x00\x00" + text("DB::Exception") + text("no such table") + text("") + b"\x00" + b"\x05"
    found = b""
    while len(found) < len(wanted):
        found += client.recv(4096)
    assert found == wanted
