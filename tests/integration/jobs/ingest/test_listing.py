"""The list of markets over real HTTP: asked for again while it isn't given, and then from time to time."""

import asyncio
from collections.abc import Sequence

from feeds.bitget import BITGET
from jobs.ingest.history import History
from jobs.ingest.listing import keep_listed
from jobs.ingest.places import places_of
from tests.integration.waiting import eventually
from tests.servers.venue import ScriptedVenue, status
from tests.servers.venue_forms import make_script

SCRIPT = make_script(3, ("BTC/USDT", "ETH/USDT"), 10, 1_700_000_000_000, ids_follow=False)


def test_the_list_comes_when_the_venue_gives_it_and_again() -> None:
    lists: list[Sequence[str]] = []

    async def story() -> None:
        async with ScriptedVenue("bitget", SCRIPT) as venue:
            venue.rest.extend([status(451), status(200, "<html>"), status(200, '{"code":"1"}'), status(404)])
            history = History(BITGET, places_of(venue.addresses.split(","), ["bitget"])["bitget"], 0.001, 0.5)
            run = asyncio.create_task(keep_listed(history.listing, "bitget", 0.05, 0.001, lists.append))
            await eventually(lambda: lists)
            venue.listed["NEWUSDT"] = "NEW/USDT"
            await eventually(lambda: "NEW/USDT" in lists[-1])
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            await history.close()
        assert sorted(lists[0]) == ["BTC/USDT", "ETH/USDT"]

    asyncio.run(story())
