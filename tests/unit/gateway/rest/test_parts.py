"""The living parts: nothing connects when they are made, each store has one breaker, and all show on the metrics."""

import asyncio

from starlette.applications import Starlette

from gateway.access.auth import make_authorizer
from gateway.rest.parts import Caches, Parts
from local.ports import free_port
from runtime.settings.whole import Settings

NOWHERE = Settings(
    redis_url=f"redis://127.0.0.1:{free_port()}/0",
    clickhouse_dsn=f"clickhouse://127.0.0.1:{free_port()}",
    gateway_cache_bytes_max=8_000_000,
    gateway_redis_timeout_ms=500,
)


def test_nothing_is_asked_when_they_are_made_and_everything_ends() -> None:
    async def story() -> dict[str, str]:
        parts = Parts(NOWHERE, make_authorizer(NOWHERE), None)
        async with parts.live(Starlette()):
            return {name: (await check.run(name)).status for name, check in parts.checks.items()}

    found = asyncio.run(asyncio.wait_for(story(), 20))
    assert found == {"redis": "down", "clickhouse": "down", "events": "down", "tokens": "up"}


def test_caches_and_breakers_show_on_the_metrics() -> None:
    async def story() -> str:
        return Parts(NOWHERE, make_authorizer(NOWHERE), None).metrics.render().decode()

    text = asyncio.run(story())
    for name in ("prices", "bars", "settled", "recent", "symbols"):
        assert f'tapeflow_cache_hits{{cache="{name}"}} 0.0' in text
    for name in ("redis", "clickhouse"):
        assert f'tapeflow_breaker_state{{dependency="{name}"}} 0.0' in text
    assert "tapeflow_history_queries 0.0" in text


def test_caches_share_one_size() -> None:
    caches = Caches.of(NOWHERE)
    assert caches.prices is not caches.bars
    assert caches.settled.counts.hits == 0
