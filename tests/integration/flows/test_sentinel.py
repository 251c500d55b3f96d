"""Redis behind Sentinels, with TLS and users of least rights: whoever writes or reads goes on with the new primary.

The first test asks once; the second kills the primary under a flow and a gateway, and looks at what a client got and at
what the new primary holds.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from websockets.asyncio.client import connect as connect_websocket

from demo.figures import figures_of
from flows.live import bounds_of
from gateway.stores.redis_pool import open_redis
from jobs.redis_now import compare_now
from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import load_settings
from schemas.errors import SettingError, Unreachable
from schemas.names import leader_key
from sinks.redis.connection import connect
from sinks.redis.lease import Lease
from tests.chaos.world import until
from tests.integration.flows.market_feeding import SYMBOLS, feed, recomputed, tape, until_running
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.servers.least_rights import REDIS_GATEWAY, REDIS_LIVE
from tests.servers.sentinels import WatchedRedis

FAILOVER_S = 30
TRADES = 1_200


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[WatchedRedis]:
    with WatchedRedis(tmp_path) as watched:
        for user, rules in (("live", REDIS_LIVE), ("gateway", REDIS_GATEWAY)):
            watched.login(user, rules)
        yield watched


def test_all_clients_ask_the_sentinels_for_the_primary(watched: WatchedRedis) -> None:
    url = watched.url("gateway")
    with connect(url) as client:
        assert client.info("replication")["role"] == "master"

    async def ask() -> bool:
        client = open_redis(url, 5_000)
        try:
            return bool(await client.ping())
        finally:
            await client.aclose(close_connection_pool=True)

    assert asyncio.run(ask())
    lease = Lease(watched.url("live"), leader_key("live"), "ours", 5_000)
    assert lease.ask() == "ours"
    lease.give_back()
    with pytest.raises(SettingError, match="refused the login"):
        connect(url.replace("gateway:pass", "gateway:wrong"))
    with pytest.raises(Unreachable, match="No master found for 'elsewhere'"):
        connect(url.replace("/market/", "/elsewhere/"))


async def newest(gateway: GatewayCommand, symbol: str, sequence: int, asked: asyncio.Event) -> list[int]:
    """Sequences that a client of one connection gets of ``symbol``, until it has ``sequence``."""
    got: list[int] = []
    address = f"{gateway.websocket}/ws/prices?token={gateway.token('reader')}"
    async with connect_websocket(address, proxy=None) as client, asyncio.timeout(90):
        await client.send(json.dumps({"type": "subscribe", "symbols": [symbol]}))
        async for text in client:
            message = json.loads(text)
            if message["type"] in ("snapshot", "delta"):
                got.append(message["sequence"])
                asked.set()
                if got[-1] >= sequence:
                    break
    return got


@pytest.mark.thorough
def test_a_flow_and_a_gateway_go_on_after_a_failover(
    watched: WatchedRedis, kafka_bootstrap: str, tmp_path: Path
) -> None:
    settings = load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=f"sentinel-{tmp_path.name}",
        redis_url=watched.url("live"),
        recovery_dir=tmp_path / "recovery",
        dead_letters_from="none",
        metrics_port=free_port(),
        gateway_token_secret="a-secret-of-a-gateway-behind-sentinels",
    )
    until(watched.is_watched, FAILOVER_S, "the Sentinels to know each other and the replica")
    trades = tape(TRADES, 10)
    first, rest = trades[: TRADES // 2], trades[TRADES // 2 :]
    last = max(trade.offset for trade in rest if trade.symbol == SYMBOLS[0])
    log = tmp_path / "live.log"
    with (
        log.open("ab") as file,
        running_gateway(
            tmp_path, watched.url("gateway"), gateway_token_secret=settings.gateway_token_secret
        ) as gateway,
    ):
        flow = FlowProcess("live", settings, log=file)
        feed(settings, first)
        flow.start()
        try:
            until_running(flow, log, lambda: figures_of(flow.metrics()).records >= len(first))

            async def story() -> list[int]:
                seen = asyncio.Event()
                client = asyncio.create_task(newest(gateway, SYMBOLS[0], last, seen))
                async with asyncio.timeout(30):
                    await seen.wait()
                await asyncio.to_thread(fail_over, watched)
                await asyncio.to_thread(feed, settings, rest)
                return await client

            got = asyncio.run(story())
            until_running(flow, log, lambda: figures_of(flow.metrics()).records >= TRADES)
            assert flow.stop(30) == 0, log.read_text()
        finally:
            flow.kill()
    assert got == sorted(set(got)), "a client got something twice or out of order"
    primary = watched.primary()
    assert primary is watched.servers[1]
    with Redis.from_url(primary.url) as client:
        found = compare_now(client, recomputed(settings), kept=bounds_of(settings).kept)
        assert (found.differences, found.compared > len(SYMBOLS)) == ([], True)
        assert denied(client) == []


def fail_over(watched: WatchedRedis) -> None:
    watched.servers[0].kill()
    until(lambda: watched.primary() is watched.servers[1], FAILOVER_S, "the Sentinels to name the other server")


def denied(client: Redis) -> list[str]:
    """What the server refused to our users; that names of clients aren't taken troubles nobody."""
    return [
        f"{entry['username']}: {entry['object']}"
        for entry in client.acl_log()
        if entry["username"] in ("live", "gateway") and not str(entry["object"]).startswith(("client", "hello"))
    ]
