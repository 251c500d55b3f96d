"""Two ingesters of the same markets, for one that may fail: the topic has each trade twice, the bars have it once."""

import asyncio
import time
from collections import Counter
from pathlib import Path

from tests.integration.jobs.ingest.kills import SYMBOLS, bars_of_script, bars_of_topic
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script


def test_each_trade_counts_once_in_the_bars(kafka_bootstrap: str, tmp_path: Path) -> None:
    script = make_script(41, SYMBOLS, 600, time.time_ns() // 1_000_000 - 60_000, ids_follow=False)

    async def story() -> None:
        async with ScriptedVenue("bitget", script) as venue:
            ingesters = [Ingester(kafka_bootstrap, tmp_path, venue, f"bitget:{','.join(SYMBOLS)}") for _ in range(2)]
            topic = ingesters[1].topic = ingesters[0].topic
            try:
                for ingester in ingesters:
                    ingester.start()
                await eventually(lambda: venue.listeners == 2)
                while venue.happened < len(script):
                    await venue.trade(7)
                await ingesters[0].until(2 * len(script))
                assert [await ingester.stop() for ingester in ingesters] == [0, 0]
            finally:
                for ingester in ingesters:
                    ingester.kill()
            assert Counter(ingesters[0].rows()) == Counter([row_of(trade) for trade in script] * 2)
            assert bars_of_topic(kafka_bootstrap, topic) == bars_of_script(script)

    asyncio.run(story())
