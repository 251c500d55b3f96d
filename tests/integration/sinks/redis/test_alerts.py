"""The stream of alerts in a real Redis: each state once, none behind its end, rights that are missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from schemas.desk import DeskAlert
from schemas.errors import SettingError
from sinks.redis.alerts import AlertWriter
from sinks.redis.connection import connect
from tests.servers.least_rights import REDIS_GATEWAY
from tests.servers.redis import RedisServer

ALERT = DeskAlert("id", "open", 1_000_000, "error", "lp", "t", "m", "analytics", ("Check",))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def test_each_state_goes_out_once(server: RedisServer) -> None:
    writer = AlertWriter(server.url)
    for _ in range(2):
        writer.write([ALERT, ALERT._replace(state="resolved")])
    with redis.Redis.from_url(server.url) as client:
        entries: Any = client.xrange("md:events")
        assert client.zcard("md:alerts-sent") == 2
    assert [fields[b"type"] for _, fields in entries] == [b"alert"] * 2
    writer.close()


def test_nothing_is_acknowledged_that_was_resolved_before(server: RedisServer) -> None:
    writer = AlertWriter(server.url)
    said = ALERT._replace(state="acknowledged")
    for _ in range(2):
        writer.write([ALERT, said])
    writer.write([ALERT._replace(state="resolved"), said, said._replace(id="other")])
    writer.write([ALERT._replace(id="other", state="resolved"), said._replace(id="other")])
    with redis.Redis.from_url(server.url) as client:
        entries: Any = client.xrange("md:events")
    told = [msgspec.json.decode(fields[b"data"]) for _, fields in entries]
    assert [(each["id"], each["state"]) for each in told] == [
        ("id", "open"), ("id", "acknowledged"), ("id", "resolved"), ("other", "acknowledged"), ("other", "resolved"),
    ]  # fmt: skip
    writer.close()


def test_a_gateway_may_acknowledge_with_its_least_rights(server: RedisServer) -> None:
    with connect(server.url) as client:
        client.execute_command("ACL", "SETUSER", "gateway", "on", ">pw", *REDIS_GATEWAY)
    gateway = AlertWriter(server.url.replace("redis://", "redis://gateway:pw@"))
    gateway.write([ALERT._replace(state="acknowledged")])
    gateway.close()


def test_a_right_that_is_missing_is_said(server: RedisServer) -> None:
    with connect(server.url) as client:
        client.execute_command("ACL", "SETUSER", "desk", "on", ">pw", "~*", "+@all", "-zadd")
    with pytest.raises(SettingError, match=r"desk ZADD.*\+zadd"):
        AlertWriter(server.url.replace("redis://", "redis://desk:pw@")).write([ALERT])
