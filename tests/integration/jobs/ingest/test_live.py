"""Live sessions end to end: a scripted venue, the command as a process, a real topic."""

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest

from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.kafka import KafkaBroker, make_topic
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT", "A1/USDT")
AWAY_S = 32.0
BITGET_QUOTE = (
    '{"action":"snapshot","arg":{"instType":"SPOT","channel":"ticker","instId":"%(name)s"},"data":[{"instId":'
    '"%(name)s","lastPr":"7000","bidPr":"6999.123456789%(number)d","askPr":"7000.5","bidSz":"0.25","askSz":"8.5",'
    '"ts":"1695709835822"}],"ts":1}'
)
BYBIT_QUOTE = (
    '{"topic":"orderbook.1.%(name)s","type":"snapshot","ts":1695709835823,"data":{"s":"%(name)s","b":[["6999.123456789'
    '%(number)d","0.25"]],"a":[["7000.5","8.5"]],"u":1,"seq":2},"cts":1695709835822}'
)


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


@pytest.mark.parametrize(
    ("name", "quote"),
    [
        pytest.param("bitget", BITGET_QUOTE, id="bitget"),
        pytest.param("bybit", BYBIT_QUOTE, id="bybit", marks=pytest.mark.thorough),
    ],
)
def test_best_bids_and_asks_go_to_their_topic_and_lost_trades_are_mended(
    name: str, quote: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    """Trades that the venue's socket drops without a sign, and quotes beside them."""

    async def story() -> None:
        async with ScriptedVenue(name, script(name, 100)) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"{name}:{','.join(SYMBOLS)}")
            ingester.quotes_topic = make_topic(kafka_bootstrap, f"{ingester.topic}-quotes")
            ingester.settings["FEED_CHECK_MS"] = "200"
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                await venue.trade(40)
                await ingester.until(40)
                asked = len(venue.questions)
                await eventually(lambda: len(venue.questions) > asked + len(SYMBOLS))
                await venue.trade(20, lost=True)
                await venue.trade(40)
                for number, symbol in enumerate(SYMBOLS):
                    await venue.say(quote % {"name": symbol.replace("/", ""), "number": number})
                await ingester.until(100)
                await eventually(lambda: ingester.events("feed_trades_mended"))
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            assert sorted(ingester.rows()) == sorted(row_of(trade) for trade in venue.script)
            assert sum(each["trades"] for each in ingester.events("feed_trades_mended")) == 20
            quotes = [json.loads(value, parse_float=str) for value in ingester.values(ingester.quotes_topic)]
            assert [(each["symbol"], each["bid"], each["ask_size"]) for each in quotes] == [
                (symbol, f"6999.123456789{number}".rstrip("0"), "8.5") for number, symbol in enumerate(SYMBOLS)
            ]

    asyncio.run(story())


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["bitget", "bybit"])
def test_while_kafka_is_away_trades_wait_and_then_go_on_in_order(name: str, tmp_path: Path) -> None:
    """Longer than a producer waits by itself; bybit's history is too short to help."""

    async def story(broker: KafkaBroker) -> None:
        async with ScriptedVenue(name, script(name, 1_500)) as venue:
            ingester = Ingester(broker.bootstrap, tmp_path, venue, f"{name}:{','.join(SYMBOLS)}")
            ingester.settings["FEED_SILENCE_MS"] = "30000"
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                await venue.trade(200)
                await ingester.until(200)
                await asyncio.to_thread(broker.stop)
                await venue.trade(200)
                await venue.say('{"hello":"world"}')
                ends_s = time.monotonic() + AWAY_S
                await eventually(lambda: ingester.events("feed_broker_lost"))
                await venue.trade(600)
                if name == "bitget":  # a connection that is lost meanwhile
                    opened = venue.opened
                    venue.abort()
                    await venue.trade(100)
                    await eventually(lambda: venue.opened > opened and venue.listeners)
                await eventually(lambda: time.monotonic() > ends_s)
                await asyncio.to_thread(broker.start)  # the venue goes on
                while venue.happened < len(venue.script):
                    await venue.trade(20)
                await ingester.until(len(venue.script))
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            rows = ingester.rows()
            for symbol in SYMBOLS:
                wanted = [row_of(trade) for trade in venue.script if trade.symbol == symbol]
                assert [row for row in rows if row[0] == symbol] == wanted
            events = "feed_broker_lost", "feed_broker_returned", "feed_gap_left"
            assert [len(ingester.events(each)) for each in events] == [1, 1, 0]
            assert ingester.letters() == [b'{"hello":"world"}']

    with KafkaBroker() as broker:
        asyncio.run(story(broker))
