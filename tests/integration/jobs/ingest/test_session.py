"""Sessions with a venue: what ends them, what is told, and how often."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from feeds.recording import address_of, frames
from local.ports import free_port
from runtime.download import download
from tests.integration.jobs.ingest.live_world import Ingester, eventually, row_of
from tests.servers.venue import ScriptedVenue, status
from tests.servers.venue_forms import make_script

Story = Callable[[ScriptedVenue, Ingester], Awaitable[None]]


def run(
    story: Story, bootstrap: str, folder: Path, *words: str, name: str = "bitget", starts: bool = True, **settings: str
) -> None:
    script = make_script(19, ("BTC/USDT",), 60, time.time_ns() // 1_000_000 - 60_000, ids_follow=name == "binance")

    async def run() -> None:
        async with ScriptedVenue(name, script) as venue:
            ingester = Ingester(bootstrap, folder, venue, *words)
            ingester.settings |= settings
            if starts:
                ingester.start()
            try:
                await story(venue, ingester)
            finally:
                ingester.kill()

    asyncio.run(run())


def test_a_refused_symbol_is_one_line_and_the_others_go_on(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: ingester.events("feed_symbol_refused"))
        await eventually(lambda: venue.opened >= 2 and venue.listeners)
        await venue.trade(20)
        await ingester.until(20)
        assert await ingester.stop() == 0
        (line,) = ingester.events("feed_symbol_refused")
        assert (line["symbol"], line["venue"]) == ("NOPE/USDT", "bitget")
        assert "instId:NOPEUSDT doesn't exist" in line["error"]
        assert ingester.rows() == [row_of(trade) for trade in venue.script[:20]]

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT,NOPE/USDT")


def test_without_any_symbol_that_is_taken_it_ends(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        assert await ingester.ended() == 2
        assert "tapeflow: no venue takes any of the symbols (ingest)" in ingester.log.read_text()

    run(story, kafka_bootstrap, tmp_path, "bitget:NOPE/USDT")


def test_an_outage_is_told_once_and_its_end_once(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: venue.listeners)
        await venue.trade(5)
        await venue.close()
        await venue.trade(5)
        venue.handshakes.extend([status(503)] * 4)
        await venue.open()
        await eventually(lambda: ingester.events("feed_returned"))
        assert not venue.handshakes
        await ingester.until(10)
        assert await ingester.stop() == 0
        (line,) = ingester.events("feed_lost")
        assert line["error"] == "the connection was closed with 1006 cut"
        assert line["where"].startswith("ws://127.0.0.1:")
        assert line["where"].endswith("/v2/ws/public")
        (filled,) = ingester.events("feed_gap_filled")
        assert (filled["symbol"], filled["after_id"]) == ("BTC/USDT", str(venue.script[4].trade_id))

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT")


def test_a_venue_that_is_not_there_is_told_with_what_to_do(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await venue.close()
        (line,) = await eventually(lambda: ingester.events("feed_lost"))
        assert "refuses connections: check the network, a proxy, TAPEFLOW_FEED_ADDRESSES" in line["error"]
        await venue.open()
        await eventually(lambda: venue.listeners)
        assert await ingester.stop() == 0

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT")


def test_a_gap_that_cannot_be_filled_is_told_with_its_bounds(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: venue.listeners)
        await venue.trade(10)
        await ingester.until(10)
        venue.rest.extend([status(451)] * 10)
        await venue.trade(5, lost=True)
        await venue.trade(5)
        (line,) = await eventually(lambda: ingester.events("feed_gap_left"))
        await ingester.until(15)
        assert await ingester.stop() == 0
        ids = [str(trade.trade_id) for trade in venue.script]
        assert (line["symbol"], line["after_id"], line["before_id"]) == ("BTC/USDT", ids[9], ids[15])
        assert line["error"].startswith("HTTP 451: the venue refuses this country")
        assert [row[1] for row in ingester.rows()] == ids[:10] + ids[15:20]

    run(story, kafka_bootstrap, tmp_path, "binance:BTC/USDT", name="binance")


def test_a_changed_form_is_told_once_and_asked_of_the_history(kafka_bootstrap: str, tmp_path: Path) -> None:
    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: venue.listeners)
        for _ in range(4):
            await venue.trade(5, change=lambda text: text.replace('"price"', '"px"'))
        await eventually(lambda: ingester.events("feed_frame_refused"))
        await venue.trade(5)
        await ingester.until(5)
        assert await ingester.stop() == 0
        (line,) = ingester.events("feed_frame_refused")
        assert (line["channel"], line["frames"]) == ("trade", 1)
        assert "price" in line["error"]
        assert len(ingester.letters()) == 4

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT")


def test_what_was_recorded_is_played(kafka_bootstrap: str, tmp_path: Path) -> None:
    path = tmp_path / "session.gz"

    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: venue.listeners)
        await venue.trade(30)
        await ingester.until(30)
        assert await ingester.stop() == 0
        played = Ingester(kafka_bootstrap, tmp_path, venue, "--play", str(path), "--venue", "bitget")
        assert (address_of(path) or "").startswith("ws://127.0.0.1:")
        assert sum(b'"trade"' in frame.data for frame in frames(path)) >= 2
        played.start()
        assert await played.ended() == 0
        assert played.rows() == ingester.rows() == [row_of(trade) for trade in venue.script[:30]]

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT", "--record", str(path))


def test_metrics_say_what_came_and_how_fast(kafka_bootstrap: str, tmp_path: Path) -> None:
    port = free_port()

    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        await eventually(lambda: venue.listeners)
        await venue.trade(20)
        await venue.say("<html>")
        await eventually(lambda: ingester.events("feed_frame_refused"))
        await ingester.until(20)
        wanted = (
            'tapeflow_feed_rows_total{kind="trades",venue="bitget"} 20.0',
            'tapeflow_feed_connections{venue="bitget"} 1.0',
            'tapeflow_feed_letters_total{venue="bitget"} 1.0',
            'tapeflow_feed_received_ms_count{venue="bitget"} 1.0',
            'tapeflow_feed_written_ms_count{venue="bitget"} 1.0',
        )

        async def are_shown() -> bool:
            address = f"http://127.0.0.1:{port}/metrics"
            page = await asyncio.to_thread(download, address, total_s=5.0, bytes_max=10**6, proxied=False)
            return set(wanted) <= set(page.decode().splitlines())

        await eventually(are_shown)
        assert await ingester.stop() == 0

    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT", METRICS_PORT=str(port), METRICS_HOST="127.0.0.1")


def test_the_past_is_joined_with_what_comes(kafka_bootstrap: str, tmp_path: Path) -> None:
    begin = time.time_ns() // 1_000_000 - 60_000

    async def story(venue: ScriptedVenue, ingester: Ingester) -> None:
        venue.happened = 30
        venue.form.page_max = 10
        ingester.start()
        await eventually(lambda: venue.listeners)
        await venue.trade(30)
        await ingester.until(60)
        assert await ingester.stop() == 0
        assert ingester.rows() == [row_of(trade) for trade in venue.script]

    since = datetime.fromtimestamp(begin / 1000, UTC).isoformat()
    run(story, kafka_bootstrap, tmp_path, "bitget:BTC/USDT", "--since", since, starts=False)
