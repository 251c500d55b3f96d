"""Messages of channels in a real Redis: in order, each once, whatever is written again, and after an outage."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from core.analytics.order import passed_order
from schemas.desk import DeskEntry
from schemas.errors import SettingError, Unreachable
from sinks.redis.channels import ChannelSink, ChannelWriter
from sinks.redis.connection import connect
from tests.servers.redis import RedisServer

TOPIC = "routing-decisions"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def entry(number: int, channel: str = "routing-metrics", symbols: tuple[str, ...] = ()) -> DeskEntry:
    return DeskEntry(passed_order(number), channel, "routing-decision", b'{"n":%d}' % number, number, symbols)


def stream(url: str, channel: str = "routing-metrics") -> list[dict[bytes, bytes]]:
    with redis.Redis.from_url(url) as client:
        found: Any = client.xrange(f"md:channel:{channel}")
    return [fields for _, fields in found]


def test_what_went_out_before_adds_nothing(server: RedisServer) -> None:
    writer = ChannelWriter(server.url, TOPIC)
    writer.write([(0, [entry(0, symbols=("A", "B")), entry(1)]), (1, [entry(0)])])
    writer.write([(0, [entry(0), entry(1), entry(2, "lp-performance"), entry(3)]), (1, [entry(0)])])
    found = stream(server.url)
    assert [fields[b"data"] for fields in found] == [b'{"n":0}', b'{"n":1}', b'{"n":0}', b'{"n":3}']
    assert found[0] == {b"type": b"routing-decision", b"data": b'{"n":0}', b"ts": b"0", b"symbols": b"A,B"}
    assert len(stream(server.url, "lp-performance")) == 1
    writer.close()


def test_many_entries_and_long_data(server: RedisServer) -> None:
    long = b'{"text":"%s"}' % (b"x" * 70_000)
    entries = [*map(entry, range(1200)), DeskEntry(passed_order(1200), "routing-metrics", "routing-stats", long, 0)]
    ChannelWriter(server.url, TOPIC).write([(0, entries)])
    found = stream(server.url)
    assert (len(found), found[-1][b"data"]) == (1201, long)


def test_a_server_that_is_away_is_waited_for(server: RedisServer) -> None:
    sink = ChannelSink(server.url, TOPIC, 1)
    part = sink.build_part("write", "00000", None)
    part.write_batch([[entry(0)]])
    part.snapshot()
    server.kill()
    part.write_batch([[entry(1)]])
    server.start()
    part.snapshot()
    assert stream(server.url)[-1][b"data"] == b'{"n":1}'
    part.close()


def test_a_stop_ends_the_wait_for_a_server(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.outage.STOP_GRACE_S", 0.1)
    stop = threading.Event()
    stop.set()
    server.kill()
    with pytest.raises(Unreachable):
        ChannelWriter(server.url, TOPIC, stop).write([(0, [entry(0)])])
    server.start()


def test_a_right_that_is_missing_is_said(server: RedisServer) -> None:
    with connect(server.url) as client:
        client.execute_command("ACL", "SETUSER", "desk", "on", ">pw", "~*", "+@all", "-xadd")
    url = server.url.replace("redis://", "redis://desk:pw@")
    with pytest.raises(SettingError, match=r"desk XADD.*\+xadd"):
        ChannelWriter(url, TOPIC).write([(0, [entry(0)])])
