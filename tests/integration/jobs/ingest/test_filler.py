"""Gaps of a market filled from a venue's history over real HTTP."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

from feeds.frame import EMPTY
from feeds.marks import Mark
from feeds.recording import Frame
from feeds.rows import Trade
from feeds.venues import VENUES
from jobs.ingest import filler as module
from jobs.ingest.filler import Filler
from jobs.ingest.history import History, NotTold
from jobs.ingest.markets import Gap, Markets, Row
from jobs.ingest.places import places_of
from tests.integration.jobs.ingest.live_world import eventually
from tests.servers.venue import ScriptedVenue, status
from tests.servers.venue_forms import ScriptedTrade, make_script

SYMBOL = "BTC/USDT"
NAMES = ("bitget", "binance")


class World:
    """A market of ``name`` of which the first ``told`` trades went out, and a filler of it."""

    def __init__(self, name: str, script: Sequence[ScriptedTrade], told: int, patience_s: float = 5.0) -> None:
        self.name, self.script, self.told, self.patience_s = name, script, told, patience_s
        self.rules = VENUES[name].rules
        self.markets = Markets(ids_follow=self.rules.ids_follow)
        self.found: list[str] = []
        self.sent: list[Row] = []
        self.markets.take([self.row(trade) for trade in script[:told]])

    @property
    def ids(self) -> list[str]:
        """What the filler should find when everything has happened."""
        return [str(trade.trade_id) for trade in self.script[self.told :]]

    def row(self, trade: ScriptedTrade) -> Row:
        ids = SYMBOL, trade.name, EMPTY, EMPTY
        return Trade(*ids, "BUY", str(trade.trade_id), trade.time_ms * 1000), Frame(1, b"")

    def run(self, story: Callable[[ScriptedVenue, Filler], Awaitable[None]]) -> None:
        async def run() -> None:
            async with ScriptedVenue(self.name, self.script) as venue:
                venue.happened = len(self.script)
                places = places_of(venue.addresses.split(","), [self.name])[self.name]
                history = History(VENUES[self.name], places, 0.01, self.patience_s)
                filler = Filler(history, self.markets, self.rules, self.emit, 0.01, self.patience_s)
                try:
                    await story(venue, filler)
                finally:
                    await history.close()

        asyncio.run(run())

    def emit(self, rows: list[Row]) -> None:
        self.found += [row[0].trade_id for row in self.markets.add(rows)]

    @property
    def mark(self) -> Mark:
        mark = self.markets.mark(SYMBOL)
        assert mark is not None
        return mark


def world(name: str, count: int = 60, told: int = 10, age_s: int = 60, patience_s: float = 5.0) -> World:
    start_ms = time.time_ns() // 1_000_000 - age_s * 1000
    script = make_script(5, (SYMBOL,), count, start_ms, ids_follow=name == "binance")
    return World(name, script, told, patience_s)


@pytest.mark.parametrize("page_max", [1000, 7])
@pytest.mark.parametrize("name", NAMES)
def test_everything_behind_the_mark_goes_out_in_order(name: str, page_max: int) -> None:
    here = world(name)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        venue.form.page_max = page_max
        assert await filler.fill(SYMBOL, here.mark) == []
        assert here.found == here.ids

    here.run(story)


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_where_it_joins_what_is_held(name: str) -> None:
    here = world(name)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        here.markets.hold(SYMBOL)
        here.markets.take([here.row(trade) for trade in here.script[40:]])
        assert await filler.fill(SYMBOL, here.mark) == []
        rows, gaps = here.markets.release(SYMBOL, at_any_rate=False)
        assert [*here.found, *(row[0].trade_id for row in rows)] == here.ids
        assert gaps == []

    here.run(story)


@pytest.mark.parametrize("name", NAMES)
def test_a_history_that_lags_is_asked_until_it_joins(name: str) -> None:
    here = world(name)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        here.markets.hold(SYMBOL)
        here.markets.take([here.row(here.script[-1])])
        venue.happened = 20
        filling = asyncio.create_task(filler.fill(SYMBOL, here.mark))
        await eventually(lambda: len(venue.questions) >= 4)
        assert not filling.done()
        venue.happened = len(here.script)
        assert await filling == []
        assert here.found[: len(here.ids) - 1] == here.ids[:-1]

    here.run(story)


@pytest.mark.parametrize("name", NAMES)
def test_a_history_that_never_joins_is_told(name: str) -> None:
    here = world(name, patience_s=0.1)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        here.markets.hold(SYMBOL)
        here.markets.take([here.row(here.script[-1])])
        venue.happened = 20
        with pytest.raises(NotTold, match="doesn't reach the trades that come now"):
            await filler.fill(SYMBOL, here.mark)
        assert here.found == [str(trade.trade_id) for trade in here.script[10:20]]

    here.run(story)


def test_what_the_history_lacks_is_a_gap_with_its_bounds() -> None:
    here = world("binance")
    lacking = here.script[30]

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        venue.script = [trade for trade in here.script if trade != lacking]
        venue.happened -= 1
        before, after = here.row(here.script[29])[0], here.row(here.script[31])[0]
        marks = [Mark(int(trade.event_time), trade.trade_id) for trade in (before, after)]
        assert await filler.fill(SYMBOL, here.mark) == [Gap(SYMBOL, *marks)]
        assert here.found == [each for each in here.ids if each != str(lacking.trade_id)]

    here.run(story)


def test_a_past_that_the_venue_has_forgotten_is_a_gap() -> None:
    here = world("bitget")

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        venue.script, venue.happened = here.script[20:], len(here.script) - 20
        ((symbol, after, before),) = await filler.fill(SYMBOL, here.mark)
        assert (symbol, after, before.trade_id) == (SYMBOL, mark, str(here.script[20].trade_id))

    mark = here.mark
    here.run(story)


def test_a_long_gap_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_US", 400_000)
    here = world("bitget", count=400, age_s=2)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        assert await filler.fill(SYMBOL, here.mark) == []
        assert here.found == here.ids
        assert len([each for each in venue.questions if "endTime" in each]) > 2

    here.run(story)


@pytest.mark.parametrize("name", NAMES)
def test_from_a_moment_on_there_is_no_gap_before_it(name: str) -> None:
    here = world(name, told=0)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        time_us = here.script[25].time_ms * 1000
        assert await filler.fill(SYMBOL, Mark(time_us)) == []
        assert here.found == [str(trade.trade_id) for trade in here.script if trade.time_ms * 1000 >= time_us]

    here.run(story)


def test_a_page_that_cannot_be_had_is_told() -> None:
    here = world("bitget", patience_s=0.05)

    async def story(venue: ScriptedVenue, filler: Filler) -> None:
        venue.rest.extend([status(500)] * 50)
        with pytest.raises(NotTold, match="HTTP 500"):
            await filler.fill(SYMBOL, here.mark)

    here.run(story)
