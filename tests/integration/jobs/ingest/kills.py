"""An ingester that is killed at random moments while a scripted venue goes on; what the topic and bars say afterwards.

``python -m tests.integration.jobs.ingest.kills --kills 50 --seed 7 --venue bitget`` does it by hand, on a broker of its
own; the same seed gives the same script and the same plan. Ends with code 1 and the difference where one is found.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import ranges_between, read_range
from core.bars.rules import Rules
from core.bars.shard import Shard
from flows.reading import decode_trades
from oracle.truth import OracleRules, OracleTrade, recompute
from runtime.settings.whole import Settings
from schemas.intervals import INTERVALS
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.property.trade_batches import bars_of
from tests.servers.kafka import KafkaBroker
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import IDS_FOLLOW, ScriptedTrade, make_script

__all__ = ["SYMBOLS", "Outcome", "bars_of_script", "bars_of_topic", "kill_and_compare"]

SYMBOLS = ("BTC/USDT", "ETH/USDT")
TRADES_A_KILL = 1_200
FOR_EVER = (10**17,) * len(INTERVALS)
FIELDS = ("open", "high", "low", "close", "volume", "quote_volume", "vwap", "trade_count", "buy_volume", "stddev")
Bars = dict[tuple[str, str, int], list[object]]


@dataclass(frozen=True, slots=True)
class Outcome:
    trades: int
    records: int
    doubled: int
    bars: int


async def kill_and_compare(name: str, bootstrap: str, folder: Path, kills: int, seed: int) -> Outcome:
    """Raises AssertionError unless the topic has each trade and the bars of the topic are those of the script."""
    start_ms = time.time_ns() // 1_000_000 - 60_000
    script = make_script(seed, SYMBOLS, kills * TRADES_A_KILL, start_ms, ids_follow=name in IDS_FOLLOW)
    chance = random.Random(seed)
    async with ScriptedVenue(name, script) as venue:
        ingester = Ingester(bootstrap, folder, venue, f"{name}:{','.join(SYMBOLS)}", partitions=2)
        ingester.settings["FEED_CHECK_MS"] = "1000"
        try:
            ingester.start()
            await eventually(lambda: venue.listeners)
            await venue.trade(20)
            await ingester.until(20)  # of a market that the topic has none of nothing is missed
            ingester.kill()
            for _ in range(kills):
                ingester.start()
                count = ingester.count()
                await eventually(lambda: venue.listeners)
                for _ in range(chance.randrange(1, 60)):
                    await venue.trade(7)
                    await asyncio.sleep(0)
                if chance.random() < 0.7:  # else amid its start, or its first filling
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
    assert set(rows) == {row_of(trade) for trade in script}, "the topic has each trade of the script and no other"
    assert ingester.events("feed_gap_left") == []
    doubled = sum(count - 1 for count in Counter(rows).values())
    assert doubled < len(script) / 100, f"{doubled} trades stand there twice"
    bars = bars_of_topic(bootstrap, ingester.topic)
    assert bars == bars_of_script(script), "each trade counts once in the bars"
    return Outcome(len(script), len(rows), doubled, len(bars))


def bars_of_topic(bootstrap: str, topic: str) -> Bars:
    """As the flows make them, duplicates dropped by their ids."""
    settings = Settings(kafka_bootstrap=bootstrap, kafka_topic=topic, value_format="json")
    options = KafkaReadOptions(bootstrap=bootstrap, topic=topic)
    decode, found = decode_trades(settings), Bars()
    shards: dict[int, Shard] = {}
    for raw in read_range(options, ranges_between(options, Position.parse("earliest"), Position.parse("latest"))):
        shard = shards.setdefault(raw.partition, Shard(Rules(dedupe=True, lateness_us=FOR_EVER)))
        shard.apply(decode(raw))
    for shard in shards.values():
        for bars in (shard.take_final(), shard.open_bars()):
            found.update({key: [bar[name] for name in FIELDS] for key, bar in bars_of(bars).items()})
    return found


def bars_of_script(script: list[ScriptedTrade]) -> Bars:
    trades = [
        OracleTrade(
            0, offset, -1, each.time_ms * 1000, each.symbol, Decimal(each.price), Decimal(each.size), each.side,
            str(each.trade_id), "X",
        )
        for offset, each in enumerate(script)
    ]  # fmt: skip
    result = recompute(trades, OracleRules(lateness_us=FOR_EVER))
    return {bar[1:4]: [getattr(bar, name) for name in FIELDS] for bar in result.bars.values()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--venue", default="bitget")
    options = parser.parse_args()
    began_s = time.monotonic()
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
        try:
            done = asyncio.run(
                kill_and_compare(options.venue, broker.bootstrap, Path(folder), options.kills, options.seed)
            )
        except AssertionError as error:
            print(f"seed {options.seed}: {error}")
            return 1
    print(f"{options.venue}, seed {options.seed}, {options.kills} kills, {time.monotonic() - began_s:.0f} s: {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
