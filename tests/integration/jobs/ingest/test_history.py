"""Pages of a venue's past over real HTTP: what passes is waited for, what doesn't is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection

from feeds.bitget import BITGET
from feeds.marks import Mark
from jobs.ingest.history import History, NotTold, longer
from jobs.ingest.places import places_of
from tests.servers.venue import ScriptedVenue, hang_up, status
from tests.servers.venue_forms import make_script

SCRIPT = make_script(3, ("BTC/USDT",), 10, 1_700_000_000_000, ids_follow=False)


def with_history(
    story: Callable[[ScriptedVenue, History], Awaitable[None]],
    patience_s: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    async def run() -> None:
        async with ScriptedVenue("bitget", SCRIPT) as venue:
            venue.happened = len(SCRIPT)
            places = places_of(venue.addresses.split(","), ["bitget"])["bitget"]
            history = History(BITGET, places, 0.01, patience_s, clock)
            try:
                await story(venue, history)
            finally:
                await history.close()

    asyncio.run(run())


async def ids(history: History) -> list[str]:
    trades, _ = await history.page("BTC/USDT", Mark(0), None)
    return [trade.trade_id for trade in trades]


def test_a_page_is_oldest_first_and_past() -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        trades, page = await history.page("BTC/USDT", Mark(0), None)
        assert [trade.trade_id for trade in trades] == [str(trade.trade_id) for trade in SCRIPT]
        assert all(trade.is_past for trade in trades)
        assert page.data.startswith(b'{"code": "00000"')
        assert venue.questions == ["/api/v2/spot/market/fills-history?symbol=BTCUSDT&limit=1000"]

    with_history(story)


@pytest.mark.parametrize("code", [408, 418, 429, 500, 503])
def test_what_passes_is_asked_again(code: int) -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        venue.rest.extend([status(code), hang_up, status(200, "<html>"), status(200, '{"code":"40034"}')])
        assert len(await ids(history)) == len(SCRIPT)
        assert len(venue.questions) == 5

    with_history(story)


def test_retry_after_is_obeyed() -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        venue.rest.append(status(429, Retry_After="1"))
        began_s = time.monotonic()
        assert len(await ids(history)) == len(SCRIPT)
        assert time.monotonic() - began_s >= 1

    with_history(story)


def test_what_will_never_be_given_is_told_at_once() -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        venue.rest.append(status(400, "no such symbol"))
        with pytest.raises(NotTold, match="HTTP 400: no success, no such symbol"):
            await ids(history)

    with_history(story)


def test_patience_ends() -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        venue.rest.append(status(429, Retry_After="60"))
        with pytest.raises(NotTold, match="HTTP 429: too much was asked for"):
            await ids(history)
        await venue.close()
        with pytest.raises(NotTold, match="no answer: ConnectError"):
            await ids(history)

    with_history(story, patience_s=0.2)


def test_a_machine_that_slept_through_a_question_asks_again() -> None:
    slept_s = [0.0]

    def sleep(connection: ServerConnection) -> None:
        slept_s[0] += 600
        hang_up(connection)

    async def story(venue: ScriptedVenue, history: History) -> None:
        venue.rest.append(sleep)
        assert len(await ids(history)) == len(SCRIPT)

    with_history(story, clock=lambda: time.monotonic() + slept_s[0])


def test_questions_keep_the_venues_pace() -> None:
    async def story(venue: ScriptedVenue, history: History) -> None:
        began_s = time.monotonic()
        assert [len(each) for each in await asyncio.gather(*(ids(history) for _ in range(4)))] == [len(SCRIPT)] * 4
        assert time.monotonic() - began_s >= 3 * BITGET.rules.rest_pause_s

    with_history(story)


def test_pauses_grow_to_thirty_times_the_first() -> None:
    assert 0.5 <= longer(1.0, 1) <= 1
    assert 4 <= longer(1.0, 4) <= 8
    assert 15 <= longer(1.0, 99) <= 30
