"""An ingester that was killed goes on where the topic ends."""

import asyncio
import time
from pathlib import Path
from typing import Literal

import pytest
from msgspec import Raw

from feeds.rows import Trade
from feeds.series import series_of
from jobs.ingest.kafka_tail import remember_tail
from jobs.ingest.markets import Markets
from jobs.ingest.trade_batches import TradeBatches
from jobs.produce.encoding import encoder_of
from jobs.produce.kafka_writer import RecordWriter
from jobs.produce.sender import TapeSender
from runtime.settings.whole import Settings
from tests.integration.jobs.ingest.kills import kill_and_compare
from tests.integration.jobs.ingest.live_world import Ingester, eventually
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT")


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["bitget", "binance"])
def test_killed_at_random_each_trade_is_there_and_bars_have_it_once(
    name: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    asyncio.run(kill_and_compare(name, kafka_bootstrap, tmp_path, kills=5, seed=13))


@pytest.mark.parametrize("kind", [pytest.param("symbol", marks=pytest.mark.thorough), "venue"])
def test_the_tail_is_known_by_venue_and_series(
    kind: Literal["symbol", "venue"], kafka_bootstrap: str, tmp_path: Path
) -> None:
    script = make_script(17, SYMBOLS, 100, time.time_ns() // 1_000_000 - 60_000, ids_follow=False)

    async def story() -> None:
        async with ScriptedVenue("bitget", script) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"bitget:{','.join(SYMBOLS)}", partitions=2)
            ingester.settings |= {"VALUE_FORMAT": "confluent", "FEED_SERIES": kind}
            settings = Settings(
                kafka_bootstrap=kafka_bootstrap, kafka_topic=ingester.topic, value_format="confluent", feed_series=kind
            )
            other_kind = "venue" if kind == "symbol" else "symbol"
            markets, others = Markets(), Markets()
            assert not remember_tail(settings, {"BITGET": markets})
            try:
                ingester.start()
                await eventually(lambda: venue.listeners)
                await venue.trade(len(script))
                await ingester.until(len(script))
            finally:
                ingester.kill()
            late = Trade(SYMBOLS[0], "BTCUSDT", Raw(b"1"), Raw(b"1"), "BUY", "77", script[0].time_ms * 1000)
            sender = TapeSender(RecordWriter(kafka_bootstrap, ingester.topic), encoder_of(settings))
            sender.send(TradeBatches("BITGET", series_of(kind, "BITGET")).make([late]))
            sender.finish()
            assert remember_tail(settings, {"BITGET": markets, "OKX": others}) == {"BITGET": len(script) + 1}
            other = Markets()
            remember_tail(settings.model_copy(update={"feed_series": other_kind}), {"BITGET": other})
            assert other.mark(SYMBOLS[0]) is None
            assert markets.has(late)
            assert others.mark(SYMBOLS[0]) is None
            for symbol in SYMBOLS:
                last = [trade for trade in script if trade.symbol == symbol][-1]
                assert markets.mark(symbol) == (last.time_ms * 1000, str(last.trade_id))

    asyncio.run(story())
