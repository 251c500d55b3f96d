"""A venue with every fault that it can have: the topic ends with each trade of the script once, in order."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue, hang_up, status
from tests.servers.venue_forms import IDS_FOLLOW, ScriptedTrade, make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT")
STEP = 12
FOREIGN = ScriptedTrade("XYZUSDT", "XYZ/USDT", 1, "26293.4", "0.0013", "BUY", 1_695_709_835_822)

Fault = Callable[[ScriptedVenue], Awaitable[None]]


async def again(venue: ScriptedVenue, fault: Callable[[], Awaitable[None] | None]) -> None:
    """A fault that costs the connection; trades happen until there is a new one."""
    await eventually(lambda: venue.listeners)  # a connection that isn't one yet can't be cut
    opened = venue.opened
    if (waiting := fault()) is not None:
        await waiting
    await venue.trade(STEP)
    await eventually(lambda: venue.opened > opened and venue.listeners)


async def cut_and_refuse(venue: ScriptedVenue) -> None:
    venue.handshakes.extend([status(503), status(429, Retry_After="1"), status(403), hang_up])
    await again(venue, venue.abort)


async def close_the_port(venue: ScriptedVenue) -> None:
    await venue.close()
    await venue.trade(STEP)
    await venue.open()
    await eventually(lambda: venue.listeners)


async def stall(venue: ScriptedVenue) -> None:
    opened = venue.opened
    venue.mute()
    await venue.trade(STEP)
    await eventually(lambda: venue.opened > opened)
    venue.speak()
    await eventually(lambda: venue.listeners)


async def rest_fails(venue: ScriptedVenue) -> None:
    venue.rest.extend([status(429, Retry_After="1"), status(500), status(200, "<html>"), status(200, "{}"), hang_up])
    await again(venue, venue.abort)


async def small_pages(venue: ScriptedVenue) -> None:
    venue.form.page_max, asked = 5, len(venue.questions)
    await again(venue, venue.abort)
    await eventually(lambda: len(venue.questions) > asked + 2)
    venue.form.page_max = 1000


async def changed(venue: ScriptedVenue, old: str, new: str) -> None:
    """Trades that can't be read, and are in the history all the same."""
    await venue.trade(STEP, change=lambda text: text.replace(old, new))


async def late_history(venue: ScriptedVenue) -> None:
    """REST doesn't know yet what the socket has told."""

    def nothing(connection: ServerConnection) -> Response:
        return connection.respond(200, venue.form.page(venue.questions[-1], []))

    venue.rest.extend([nothing] * 4)
    await again(venue, venue.abort)


async def foreign(venue: ScriptedVenue) -> None:
    await venue.say(venue.form.trades([FOREIGN])[0])


async def twice(venue: ScriptedVenue) -> None:
    before = venue.happened
    await venue.trade(STEP)
    venue.happened = before
    await venue.trade(STEP)


def faults_of_all(price: str) -> dict[str, Fault]:
    return {
        "cut": lambda venue: again(venue, venue.abort),
        "closed with 1001": lambda venue: again(venue, lambda: venue.end(1001)),
        "closed with 1000": lambda venue: again(venue, lambda: venue.end(1000)),
        "closed with 1012": lambda venue: again(venue, lambda: venue.end(1012)),
        "cut amid a frame": lambda venue: again(venue, venue.cut_amid_a_frame),
        "handshakes refused": cut_and_refuse,
        "port closed": close_the_port,
        "stalled": stall,
        "REST refuses and fails": rest_fails,
        "small pages": small_pages,
        "no JSON": lambda venue: venue.say("<html>busy</html>"),
        "binary": lambda venue: venue.say(b"\xff\x00\n\x01"),
        "empty": lambda venue: venue.say(""),
        "unknown message": lambda venue: venue.say('{"hello":"world"}'),
        "another market": foreign,
        "history behind": late_history,
        "changed field": lambda venue: changed(venue, f'"{price}"', '"was"'),
        "wrong type": lambda venue: changed(venue, f'"{price}": ', f'"{price}": {{}}, "was": '),
        "numbers for texts": lambda venue: venue.trade(STEP, change=numbers_for_texts(price)),
        "told twice": twice,
    }


def numbers_for_texts(price: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf'"{price}": "([^"]*)"', rf'"{price}": \1', text)


async def jumbled(venue: ScriptedVenue) -> None:
    """Trades one after the other, and the later ones first: ids that follow tell their order."""
    await venue.trade(STEP, jumbled=True)


HOLES: dict[str, Fault] = {"jumbled": jumbled, "frames lost": lambda venue: venue.trade(STEP, lost=True)}
"""What is noticed where ids follow on each other."""
FAULTS: dict[str, dict[str, Fault]] = {
    "bitget": {
        **faults_of_all("price"),
        "error": lambda venue: venue.say('{"event":"error","code":30006,"msg":"request too many"}'),
    },
    "binance": {
        **faults_of_all("p"),
        **HOLES,
        "error": lambda venue: venue.say('{"error":{"code":2,"msg":"Invalid request"},"id":7}'),
        "serverShutdown": lambda venue: again(venue, lambda: venue.say('{"e":"serverShutdown","E":1770123456789}')),
    },
    "kraken": {
        **faults_of_all("price"),
        **HOLES,
        "error": lambda venue: venue.say('{"method":"subscribe","success":false,"error":"Exceeded msg rate"}'),
    },
    "coinbase": {
        **faults_of_all("price"),
        **HOLES,
        "error": lambda venue: venue.say('{"type":"error","message":"Rate limit exceeded","reason":""}'),
    },
    "okx": {
        **faults_of_all("px"),
        "error": lambda venue: venue.say('{"event":"error","code":"60014","msg":"Requests too frequent."}'),
        "notice": lambda venue: again(venue, lambda: venue.say('{"event":"notice","code":"64008","msg":"upgrade"}')),
    },
    "bybit": {
        **{what: fault for what, fault in faults_of_all("p").items() if what != "small pages"},
        "error": lambda venue: venue.say('{"success":false,"ret_msg":"Too many visits!","op":"subscribe"}'),
    },
}
QUICK = ("bitget", "binance")
NAMES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.thorough) for name in FAULTS]


@pytest.mark.parametrize("name", NAMES)
def test_each_trade_once_and_in_order_whatever_the_venue_does(name: str, kafka_bootstrap: str, tmp_path: Path) -> None:
    start_ms = time.time_ns() // 1_000_000 - 60_000
    script = make_script(11, SYMBOLS, 3 * STEP * (len(FAULTS[name]) + 2), start_ms, ids_follow=name in IDS_FOLLOW)

    async def story() -> None:
        async with ScriptedVenue(name, script) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, f"{name}:{','.join(SYMBOLS)}", partitions=2)
            ingester.settings.update(FEED_SILENCE_MS="500", FEED_FILL_MS="60000")  # no gap is left here
            ingester.start()
            try:
                await eventually(lambda: venue.listeners)
                for what, fault in FAULTS[name].items():
                    print(f"{time.monotonic():.1f}", what)
                    await venue.trade(STEP)
                    await fault(venue)
                    if name == "bybit":  # its history is short; what lags behind is noticed by the next trade
                        await venue.trade(STEP)
                        await ingester.until(venue.happened)
                while venue.happened < len(script):
                    await venue.trade(STEP)
                await ingester.until(len(script), 60)  # a second between two questions of Kraken
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            rows = ingester.rows()
            for symbol in SYMBOLS:
                wanted = [row_of(trade) for trade in script if trade.symbol == symbol]
                assert [row for row in rows if row[0] == symbol] == wanted
            assert ingester.events("feed_gap_left") == []
            assert len(ingester.letters()) >= 7

    asyncio.run(story())
