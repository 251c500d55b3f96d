"""Live sessions of several venues in one process: from their frames to the topics, until it is asked to stop.

``tapeflow ingest VENUE:SYMBOLS`` runs it. Frames are read and handed to the producers by one event loop: what came
together goes out together, at once. What is followed is named, or all that a venue lists in USDT, or what clients
watch. A stop closes the connections, hands over what waits, and waits for the broker.
"""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import structlog

from feeds.polled import POLLED
from feeds.symbols import PERPETUAL, parts
from gateway.stores.redis_pool import end_tasks, open_redis
from jobs.ingest.asked import Wanted, venue_named
from jobs.ingest.broker_watch import BrokerWatch
from jobs.ingest.demand import Demand
from jobs.ingest.feed import Feed
from jobs.ingest.following import Following
from jobs.ingest.intake import Intake
from jobs.ingest.listing import keep_listed
from jobs.ingest.on_demand import InSeries, OnDemand
from jobs.ingest.places import places_of
from jobs.ingest.polling import Polling, polled_of
from jobs.ingest.recorder import Recorder
from runtime.settings.whole import Settings
from schemas.errors import SettingError

__all__ = ["follow"]

LOOK_S: Final = 0.1
"""How often the broker's answers are taken while nothing comes; AWAITED_S: while some are awaited."""
AWAITED_S: Final = 0.002
ALL_OF: Final = "USDT"
REDIS_MS: Final = 2_000


def follow(settings: Settings, wanted: Wanted, intakes: dict[str, Intake], recorder: Recorder | None) -> None:
    """Until SIGTERM or SIGINT. ``intakes``: by venue; ``recorder`` keeps the frames of the only one. Raises
    SettingError when no venue takes any of the symbols, and what sending raises."""
    asyncio.run(_follow(settings, wanted, intakes, recorder))


async def _follow(settings: Settings, wanted: Wanted, intakes: dict[str, Intake], recorder: Recorder | None) -> None:
    stop, something = _stop_signal(), asyncio.Event()
    places = places_of(settings.feed_addresses, intakes)
    pause_s, patience_s, check_s = (
        each / 1000 for each in (settings.feed_pause_ms, settings.feed_fill_ms, settings.feed_check_ms)
    )
    venues: list[Following] = []
    vendors: list[Polling] = []
    polled = wanted.asked.get(POLLED)
    if polled is not None:
        vendor, is_on_demand = polled_of(settings), bool(wanted.demand_from)
        vendors = [Polling(vendor, intakes[POLLED], settings, polled, something.set, is_on_demand=is_on_demand)]
    for name, symbols in wanted.asked.items():
        if name == POLLED:
            continue
        feed = Feed(
            venue_named(name, "ingest"), intakes[name], places[name], pause_s, patience_s, wanted.since, something.set,
            check_s,
        )  # fmt: skip
        venues.append(Following(feed, places[name], settings, recorder, quotes=wanted.quotes))
        venues[-1].follow(symbols)
    sources: list[Following | Polling] = [*venues, *vendors]
    tasks = [asyncio.create_task(_wait(stop)), *_followers(settings, wanted, venues, vendors)]
    tasks += [asyncio.create_task(venue.feed.checker.run(venue.symbols)) for venue in venues]
    tasks.append(asyncio.create_task(_hand_over(sources, something, BrokerWatch(), is_open=wanted.is_open)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end_tasks(tasks)
        for source in sources:
            await source.close()


def _followers(
    settings: Settings, wanted: Wanted, venues: Sequence[Following], vendors: Sequence[Polling]
) -> Iterator[asyncio.Task[None]]:
    """What finds more to follow."""
    every_s, pause_s = settings.feed_listing_ms / 1000, settings.feed_pause_ms / 1000
    demand: Demand | None = None
    if wanted.demand_from:
        demand = Demand(open_redis(wanted.demand_from, REDIS_MS))
        named = [venue.intake.series.symbol(market) for venue in venues for market in wanted.asked[venue.name]]
        followed: list[Following | Polling] = [*venues, *vendors]
        sources = [InSeries(each, each.intake.series) for each in followed]
        yield asyncio.create_task(demand.run())
        yield asyncio.create_task(OnDemand(demand, sources, named, settings.feed_grace_ms / 1000).run())
    for venue in venues if wanted.is_open else ():

        def take(symbols: Sequence[str], venue: Following = venue) -> None:
            venue.listed = frozenset(symbols)
            if wanted.all_usdt:
                venue.follow(_all_usdt(symbols, venue))
            if demand is not None:
                demand.changed.set()

        yield asyncio.create_task(keep_listed(venue.feed.listing, venue.name, every_s, pause_s, take))


def _all_usdt(symbols: Sequence[str], venue: Following) -> list[str]:
    """Raises SettingError for a venue that has none; one that has stopped trading for a while had some."""
    found = [each for each in symbols if parts(each).quote == ALL_OF and parts(each).contract in ("", PERPETUAL)]
    if not found and not venue.symbols():
        raise SettingError(f"{venue.name} lists no market in {ALL_OF}", where="--all-usdt", mend="name its markets")
    return found


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _hand_over(
    sources: Sequence[Following | Polling], something: asyncio.Event, watch: BrokerWatch, *, is_open: bool
) -> None:
    """Raises what a session or the broker raises, and SettingError when nothing can be followed any more."""
    intakes, loop, is_waiting = [source.intake for source in sources], asyncio.get_running_loop(), False
    senders = {sender for intake in intakes for sender in intake.senders}
    while True:
        with suppress(TimeoutError):
            # Not wait_for, which may lose a cancellation that comes in the moment of the event.
            async with asyncio.timeout(AWAITED_S if any(intake.awaits_answers for intake in intakes) else LOOK_S):
                await something.wait()
        something.clear()
        for source in sources:
            source.check()
            source.intake.flush()
            source.intake.look()
        must_wait = watch.look(sum(each.sent for each in senders), sum(each.delivered for each in senders), loop.time())
        for source in sources:
            if must_wait:
                source.pause()
            elif is_waiting:
                source.resume()
            if source.intake.has_more and not must_wait:
                something.set()
        is_waiting = must_wait
        if not is_open and all(source.is_over for source in sources):
            raise SettingError(
                "no venue takes any of the symbols", where="ingest", mend="see the lines above, and the venue's markets"
            )


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
