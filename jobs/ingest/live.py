"""Live sessions of several venues in one process: from their frames to the topics, until it is asked to stop.

``tapeflow ingest VENUE:SYMBOLS`` runs it. Frames are read and handed to the producers by one event loop: what came
together goes out together, at once. A stop closes the connections, hands over what waits, and waits for the broker.
"""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from feeds.marks import Mark
from feeds.venue import chunks
from jobs.ingest.asked import Asked, venue_named
from jobs.ingest.feed import Feed
from jobs.ingest.intake import Intake
from jobs.ingest.places import places_of
from jobs.ingest.recorder import Recorder
from jobs.ingest.session import Session
from runtime.settings.feeds import FeedSettings
from schemas.errors import SettingError

__all__ = ["Wanted", "follow"]

LOOK_S: Final = 0.1
"""How often the broker's answers are taken while nothing comes; AWAITED_S: while some are awaited."""
AWAITED_S: Final = 0.002


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run of ``follow`` is about. since: as in Feed."""

    asked: Asked
    quotes: bool
    since: Mark | None = None
    recorder: Recorder | None = None


def follow(settings: FeedSettings, wanted: Wanted, intakes: dict[str, Intake]) -> None:
    """Until SIGTERM or SIGINT. ``intakes``: by venue. Raises SettingError when no venue takes any of the symbols, and
    what sending raises."""
    asyncio.run(_follow(settings, wanted, intakes))


async def _follow(settings: FeedSettings, wanted: Wanted, intakes: dict[str, Intake]) -> None:
    stop, something = _stop_signal(), asyncio.Event()
    places = places_of(settings.feed_addresses, intakes)
    pause_s, silence_s = settings.feed_pause_ms / 1000, settings.feed_silence_ms / 1000
    feeds: list[Feed] = []
    tasks: list[asyncio.Task[None]] = [asyncio.create_task(_wait(stop))]
    sessions: list[asyncio.Task[None]] = []
    for name, symbols in wanted.asked.items():
        venue, place = venue_named(name, "ingest"), places[name]
        patience_s = settings.feed_fill_ms / 1000
        feed = Feed(venue, intakes[name], place, pause_s, patience_s, wanted.since, something.set)
        feeds.append(feed)
        for chunk in chunks(symbols, venue.rules.symbols_max):
            for which in range(len(venue.subscriptions(chunk, quotes=wanted.quotes))):
                session = Session(feed, chunk, which, place, pause_s, silence_s, wanted.recorder, quotes=wanted.quotes)
                sessions.append(asyncio.create_task(session.run()))
    tasks.append(asyncio.create_task(_hand_over(feeds, something)))
    tasks.append(asyncio.create_task(_all_of(sessions)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        if not stop.is_set():
            raise SettingError(
                "no venue takes any of the symbols", where="ingest", mend="see the lines above, and the venue's markets"
            )
    finally:
        for task in (*tasks, *sessions):
            task.cancel()
        await asyncio.gather(*tasks, *sessions, return_exceptions=True)
        for feed in feeds:
            await feed.close()


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _all_of(sessions: Sequence[asyncio.Task[None]]) -> None:
    """When each has ended, or one with an error."""
    await asyncio.gather(*sessions)


async def _hand_over(feeds: Sequence[Feed], something: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            # Not wait_for, which may lose a cancellation that comes in the moment of the event.
            async with asyncio.timeout(AWAITED_S if any(feed.intake.awaits_answers for feed in feeds) else LOOK_S):
                await something.wait()
        something.clear()
        for feed in feeds:
            feed.check()
            feed.intake.flush()
            feed.intake.look()


def _stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def ask(number: signal.Signals) -> None:
        structlog.get_logger().info("stop_asked", signal=number.name)
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)
    return stop
