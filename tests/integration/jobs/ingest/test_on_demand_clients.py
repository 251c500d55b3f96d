"""A client of the gateway subscribes to what nobody has followed yet: its trades are there within two seconds."""

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from tests.integration.flows.market_feeding import until_running
from tests.integration.gateway.gateway_command import running_gateway
from tests.integration.jobs.ingest.live_world import Ingester, eventually
from tests.servers.redis import RedisServer
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

pytestmark = pytest.mark.thorough

SOON_S = 2.0


@pytest.mark.parametrize(
    ("name", "kind", "symbol"),
    [
        ("bitget", "symbol", "BTC/USDT"),
        ("binance", "symbol", "BTC/USDT"),
        ("bitget", "venue", "BTC/USDT@BITGET"),
    ],
)
def test_a_client_gets_a_trade_of_what_it_subscribes_to(
    name: str, kind: str, symbol: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    script = make_script(31, ("BTC/USDT",), 5_000, time.time_ns() // 1_000_000 - 30_000, ids_follow=name == "binance")

    async def trade(venue: ScriptedVenue) -> None:
        while venue.happened < len(script):
            await venue.trade(1)
            await asyncio.sleep(0.02)  # the market's pace

    async def story(parts: ExitStack) -> None:
        server = parts.enter_context(RedisServer(tmp_path))
        async with ScriptedVenue(name, script) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, name, "--on-demand")
            ingester.settings |= {"REDIS_URL": server.url, "FEED_GRACE_MS": "500", "FEED_SERIES": kind}
            settings = Settings(
                kafka_bootstrap=kafka_bootstrap, kafka_topic=ingester.topic, value_format="json",
                redis_url=server.url, recovery_dir=tmp_path / "recovery", dead_letters_from="none",
                metrics_port=free_port(),
            )  # fmt: skip
            log = tmp_path / "flow.log"
            flow = FlowProcess("live", settings, log=parts.enter_context(log.open("ab")))
            parts.callback(flow.kill)
            flow.start()
            market = asyncio.create_task(trade(venue))
            ingester.start()
            parts.callback(ingester.kill)
            gateway = parts.enter_context(running_gateway(tmp_path, server.url))
            await asyncio.to_thread(
                until_running, flow, log, lambda: any(name == "tapeflow_symbols" for name, _ in flow.metrics())
            )
            await eventually(lambda: any(venue.form.listing_path in asked for asked in venue.questions))
            async with connect(f"{gateway.websocket}/ws/prices", proxy=None) as client:
                asked_s = time.monotonic()
                await client.send(json.dumps({"type": "subscribe", "symbols": [symbol]}))
                async with asyncio.timeout(30):
                    while json.loads(await client.recv()).get("price") is None:
                        pass
                took_s = time.monotonic() - asked_s
            print(f"{took_s:.2f} s")
            assert took_s < SOON_S
            await eventually(lambda: not venue.followed)
            market.cancel()
            assert await ingester.stop() == 0
            assert ingester.events("feed_gap_left") == []

    with ExitStack() as parts:
        asyncio.run(story(parts))
