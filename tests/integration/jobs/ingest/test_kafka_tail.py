"""An ingester that was killed goes on where the topic ends."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from jobs.ingest.kafka_tail import remember_tail
from jobs.ingest.markets import Markets
from runtime.settings.whole import Settings
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT")
KILLS = 5


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["bitget", "binance"])
def test_killed_at_random_each_trade_is_there(name: str, kafka_bootstrap: str, tmp_path: Path) -> None:
    start_ms = time.time_ns() // 1_000_000 - 60_000
    script = make_script(13, SYMBOLS, 6_000, start_ms, ids_follow=name == "binance")
    chance = random.Random(13)

    async def story() -> None:
        async with ScriptedVenue(name, script) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"{name}:{','.join(SYMBOLS)}", partitions=2)
            try:
                ingester.start()
                await eventually(lambda: venue.listeners)
                await venue.trade(20)
                await ingester.until(20)  # of a market that the topic has none of nothing is missed
                ingester.kill()
                for _ in range(KILLS):
                    ingester.start()
                    count = ingester.count()
                    await eventually(lambda: venue.listeners)
                    for _ in range(chance.randrange(1, 60)):
                        await venue.trade(7)
                        await asyncio.sleep(0)
                    await eventually(lambda count=count: ingester.count() > count)
                    for _ in range(chance.randrange(1, 60)):
                        await venue.trade(7)
                    ingester.kill()
                    await eventually(lambda: not venue.listeners)
                    await venue.trade(chance.randrange(200))
                ingester.start()
                await eventually(lambda: venue.listeners)
                while venue.happened < len(script):
                    await venue.trade(50)
                last = {row_of(trade)[:2] for trade in script[-50:]}
                await eventually(lambda: last <= {row[:2] for row in ingester.rows()})
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            rows = ingester.rows()
            assert set(rows) == {row_of(trade) for trade in script}
            doubled = {row: count for row, count in Counter(rows).items() if count > 1}
            assert len(doubled) < len(script) / 100
            assert ingester.events("feed_gap_left") == []

    asyncio.run(story())


def test_the_tail_is_known_by_venue(kafka_bootstrap: str, tmp_path: Path) -> None:
    script = make_script(17, SYMBOLS, 100, time.time_ns() // 1_000_000 - 60_000, ids_follow=False)

    async def story() -> None:
        async with ScriptedVenue("bitget", script) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"bitget:{','.join(SYMBOLS)}", partitions=2)
            settings = Settings(kafka_bootstrap=kafka_bootstrap, kafka_topic=ingester.topic, value_format="json")
            markets, others = Markets(), Markets()
            assert not remember_tail(settings, {"BITGET": markets})
            try:
                ingester.start()
                await eventually(lambda: venue.listeners)
                await venue.trade(len(script))
                await ingester.until(len(script))
            finally:
                ingester.kill()
            assert remember_tail(settings, {"BITGET": markets, "OKX": others}) == {"BITGET": len(script)}
            assert others.mark(SYMBOLS[0]) is None
            for symbol in SYMBOLS:
                last = [trade for trade in script if trade.symbol == symbol][-1]
                assert markets.mark(symbol) == (last.time_ms * 1000, str(last.trade_id))

    asyncio.run(story())
