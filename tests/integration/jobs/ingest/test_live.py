"""Live sessions end to end: a scripted venue, the command as a process, a real topic."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT", "A1/USDT")


def script(name: str, count: int = 400):
    return make_script(7, SYMBOLS, count, time.time_ns() // 1_000_000 - 60_000, ids_follow=name == "binance")


@pytest.mark.parametrize("name", ["bitget", "binance"])
def test_trades_go_from_the_venue_to_the_topic_until_a_signal(name: str, kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedVenue(name, script(name)) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"{name}:{','.join(SYMBOLS)}")
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                while venue.happened < len(venue.script):
                    await venue.trade(20)
                await ingester.until(len(venue.script))
                assert await ingester.stop(signal.SIGTERM if name == "bitget" else signal.SIGINT) == 0
            finally:
                ingester.kill()
            assert ingester.rows() == [row_of(trade) for trade in venue.script]
            sent = f"{len(venue.script)} trades of {name} delivered to {ingester.topic}"
            assert ingester.output.read_text().startswith(sent)

    asyncio.run(story())
