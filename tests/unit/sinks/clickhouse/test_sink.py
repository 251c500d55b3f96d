"""What needs no server: addresses without logins, bad DSNs, and which failures are waited for."""

import socket
import time

import pytest
from clickhouse_driver import errors

from schemas.columns import APPLIED, DUPLICATE, LATE
from schemas.errors import SettingError, Unreachable
from sinks.clickhouse.connection import connect, place
from sinks.clickhouse.sink import ClickHouseTradesSink
from sinks.clickhouse.sink import _is_outage as is_outage
from tests.unit.sinks.rows import trades


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("clickhouse://user:secret@host:9001/db?compression=lz4", "host:9001"),
        ("clickhouse://host", "host:9000"),
        ("clickhouses://host", "host:9440"),
    ],
)
def test_a_place_never_shows_the_login(dsn: str, shown: str) -> None:
    assert place(dsn) == shown


@pytest.mark.parametrize("dsn", ["", "host:9000", "http://host:8123", "clickhouse://host:port", "clickhouse://"])
def test_a_bad_dsn_is_the_users(dsn: str) -> None:
    with pytest.raises(SettingError, match="bad ClickHouse DSN"):
        connect(dsn)


def test_a_server_that_says_nothing_is_given_up_as_soon_as_one_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = f"clickhouse://127.0.0.1:{silent.getsockname()[1]}?connect_timeout=0.2&send_receive_timeout=20"
        began = time.monotonic()
        with pytest.raises(Unreachable, match="ClickHouse does not answer"):
            connect(dsn)
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("error", "waited_for"),
    [
        (ConnectionResetError("reset"), True),
        (EOFError(), True),
        (errors.NetworkError("refused"), True),
        (errors.SocketTimeoutError("slow"), True),
        (errors.ServerException("Too many parts", 252), True),
        (errors.ServerException("Memory limit", 241), True),
        (errors.ServerException("Unknown table", 60), False),
        (errors.ServerException("Constraint violated", 469), False),
        (ValueError("ours"), False),
    ],
)
def test_outages(error: Exception, waited_for: bool) -> None:
    assert is_outage(error) is waited_for


def test_keys_are_shards() -> None:
    sink = ClickHouseTradesSink("clickhouse://127.0.0.1", "market", 11)
    assert sink.list_parts() == sorted(sink.list_parts())
    assert sink.part_fn("10") == 10


@pytest.mark.parametrize(("late_only", "kept"), [(False, ["applied", "late"]), (True, ["late"])])
def test_duplicates_are_left_out_and_late_trades_have_a_table_of_their_own(late_only: bool, kept: list[str]) -> None:
    sink = ClickHouseTradesSink("clickhouse://127.0.0.1", "market", 1, late_only=late_only)
    names = {"applied": APPLIED, "duplicate": DUPLICATE, "late": LATE}
    block = sink._buffer._encode([trades(*({"trade_id": name, "outcome": outcome} for name, outcome in names.items()))])
    ids = block.data[[name for name, _ in block.columns].index("trade_id")]
    assert ids == b"".join(bytes([len(name)]) + name.encode() for name in kept)
