"""Every market in USDT that a venue lists, and new ones while it runs, on the connection that is there."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue
from tests.servers.venue_forms import FORMS, IDS_FOLLOW, make_script

SYMBOLS = ("BTC/USDT", "ETH/USDT", "NEW/USDT", "ETH/BTC")


@pytest.mark.thorough
@pytest.mark.parametrize("name", FORMS)
def test_new_listings_are_picked_up_on_the_open_connection(name: str, kafka_bootstrap: str, tmp_path: Path) -> None:
    script = make_script(23, SYMBOLS, 80, time.time_ns() // 1_000_000 - 60_000, ids_follow=name in IDS_FOLLOW)

    async def story() -> None:
        async with ScriptedVenue(name, script) as venue:
            new = venue.listed.pop("NEWUSDT")
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, name, "--all-usdt")
            ingester.settings |= {"FEED_LISTING_MS": "100"}
            ingester.start()
            try:
                await eventually(lambda: venue.followed == {"BTCUSDT", "ETHUSDT"})
                await venue.trade(20)
                venue.listed["NEWUSDT"] = new
                await eventually(lambda: "NEWUSDT" in venue.followed)
                begun, asked = venue.happened, len(venue.questions)
                venue.listed.clear()  # what isn't listed any more stays followed
                await eventually(lambda: len(venue.questions) > asked + 2)
                while venue.happened < len(script):
                    await venue.trade(5)
                wanted = [
                    row_of(trade)
                    for place, trade in enumerate(script)
                    if trade.symbol in SYMBOLS[:2] or (trade.symbol == new and place >= begun)
                ]
                await eventually(lambda: len([row for row in ingester.rows() if row in wanted]) == len(wanted))
                assert await ingester.stop() == 0
            finally:
                ingester.kill()
            assert venue.opened == 1
            past = venue.past if venue.form.sends_past else 0
            rows = ingester.rows()
            assert [row for row in rows if row in wanted] == wanted
            assert len(rows) - len(wanted) <= past
            assert not [row for row in rows if row[0] == "ETH/BTC"]
            assert ingester.events("feed_lost") == ingester.events("feed_symbol_refused") == []
            (started,) = ingester.events("ingest_started")
            assert (started["venues"], started["topics"]) == ([name], [ingester.topic])
            assert started["settings"]["kafka_bootstrap"] == kafka_bootstrap

    asyncio.run(story())


@pytest.mark.thorough
def test_a_venue_that_lists_no_market_in_usdt_is_one_line(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with ScriptedVenue(
            "bitget", make_script(1, ("ETH/BTC",), 5, 1_700_000_000_000, ids_follow=False)
        ) as venue:
            ingester = Ingester(kafka_bootstrap, tmp_path, venue, "bitget", "--all-usdt")
            ingester.start()
            try:
                assert await ingester.ended() == 2
            finally:
                ingester.kill()
            said = "tapeflow: bitget lists no market in USDT (--all-usdt): name its markets"
            assert ingester.log.read_text().splitlines()[1:] == [said], "behind the line that it starts with"

    asyncio.run(story())
