"""A desk's records to a client: topic, flow, stream, gateway, socket, with S1's types and fields."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.produce.desk import DeskMarket, desk_encoder
from jobs.produce.kafka_writer import RecordWriter
from runtime.settings.whole import Settings, load_settings
from schemas.desk import DESK_KINDS
from tapeflow.cli import main
from tests.integration.flows.desk_feeding import MINUTE_US, desk_environment, running
from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send
from tests.servers.kafka import make_topic
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

S1 = {
    "routing-decision": {
        "symbol", "side", "volume", "routingDecision", "lpSelected", "executionTimeMs", "spread", "slippage",
    },
    "lp-metrics": {
        "lpName", "status", "avgSpread", "executionQuality", "latencyMs", "quotesPerSecond", "rejectRate", "uptime",
    },
    "exposure-change": {
        "totalExposure", "netExposure", "exposureLimit", "utilizationPct", "riskLevel", "bySymbol", "byLP",
    },
    "alert": {"id", "severity", "category", "title", "message", "source", "actionItems"},
}  # fmt: skip
OURS = {"routing-stats", "lp-stats", "exposure-stats"}


@pytest.fixture
def settings(
    kafka_bootstrap: str,
    own_redis: RedisServer,
    clickhouse_dsn: str,
    clickhouse_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    names = desk_environment(kafka_bootstrap, own_redis.url, clickhouse_dsn, clickhouse_database, tmp_path, *DESK_KINDS)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert main(["migrate"]) == 0
    return load_settings()


def produce(settings: Settings) -> None:
    """Two minutes of a desk that ended just now; the exposure goes beyond its limit."""
    topics = (settings.routing_topic, settings.lp_topic, settings.exposure_topic)
    now_us = time.time_ns() // 1000
    for kind, topic in zip(DESK_KINDS, topics, strict=True):
        make_topic(settings.kafka_bootstrap, topic)
        records = DeskMarket(kind, 5, 1).take(120, now_us - 2 * MINUTE_US, 2 * MINUTE_US)
        for record in records[-5:]:
            if kind == "exposure":
                record.fields["exposure"] = Decimal(900_000)
        writer, encode = RecordWriter(settings.kafka_bootstrap, topic), desk_encoder(kind, "json")
        writer.send([encode(record) for record in records], [record.key.encode() for record in records])
        writer.finish()


def test_a_client_gets_every_type_with_the_fields_of_s1(
    settings: Settings,
    own_redis: RedisServer,
    tmp_path: Path,
) -> None:
    found: dict[str, Any] = {}

    async def story(world: World) -> None:
        async with world.client("/ws/analytics") as client:
            channels = ["routing-metrics", "lp-performance", "exposure-updates", "alerts"]
            await send(client, action="subscribe", channels=channels)
            await send(client, action="ping")
            assert [each["type"] for each in await receive(client)] == ["pong"]
            await asyncio.to_thread(produce, settings)
            with running(settings, tmp_path / "analytics.log"):
                async with asyncio.timeout(60):
                    while not {*S1, *OURS} <= set(found):
                        for each in await receive(client, 60):
                            found.setdefault(each["type"], each)

    in_world(own_redis, story)
    for kind, fields in S1.items():
        assert fields <= set(found[kind]["data"]), kind
    assert found["routing-stats"]["data"]["count"] > 0
    assert set(found) == {*S1, *OURS}
