"""What a socket dropped without a sign is found by REST, sent late, and told; what is gone is told too."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from feeds.venues import VENUES
from jobs.ingest.checker import Checker, Outcome
from jobs.ingest.filler import Filler
from jobs.ingest.history import History
from jobs.ingest.places import places_of
from tests.integration.jobs.ingest.test_filler import SYMBOL, world
from tests.servers.venue import ScriptedVenue, status

BEGUN, COUNT = 20, 300


class Looks(NamedTuple):
    """Outcomes, places in the script of what was sent late, the log."""

    outcomes: list[Outcome | None]
    late: list[int]
    told: list[Mapping[str, Any]]


def look(name: str, dropped: set[int], prepare: Callable[[ScriptedVenue], None] = lambda _venue: None) -> Looks:
    """At a market whose socket brought all trades but the ``dropped``: before they happened and twice afterwards."""
    here, outcomes = world(name, COUNT, BEGUN), []

    async def story(venue: ScriptedVenue, _filler: Filler) -> None:
        history = History(VENUES[name], places_of(venue.addresses.split(","), [name])[name], 0.01, 0.1)
        checker = Checker(VENUES[name], history, here.markets, here.sent.extend, 0.1)
        venue.happened = BEGUN
        outcomes.append(await checker.check(SYMBOL))
        venue.happened = COUNT
        brought = [trade for place, trade in enumerate(here.script) if place >= BEGUN and place not in dropped]
        here.markets.take([here.row(trade) for trade in brought])
        prepare(venue)
        outcomes.extend([await checker.check(SYMBOL), await checker.check(SYMBOL)])
        await history.close()

    with capture_logs() as told:
        here.run(story)
    ids = [str(trade.trade_id) for trade in here.script]
    return Looks(outcomes, [ids.index(row[0].trade_id) for row in here.sent], list(told))


@pytest.mark.parametrize(
    ("name", "dropped"), [("bitget", [50, 51, 52, 120]), ("okx", [30, 299]), ("binance", [296, 297, 298, 299])]
)
def test_what_was_dropped_is_sent_late_and_told(name: str, dropped: list[int]) -> None:
    looks = look(name, set(dropped))
    assert looks.outcomes[1:] == ["mended", "whole"]
    assert looks.late == dropped
    (line,) = looks.told
    assert (line["event"], line["trades"], line["venue"]) == ("feed_trades_mended", len(dropped), name)


def test_what_the_history_does_not_have_any_more_is_told_with_its_bounds() -> None:
    looks = look("bybit", set(range(200, 260)))
    assert looks.outcomes == [None, "incomplete", "whole"]
    assert looks.late == [*range(240, 260)], "the last sixty trades are all that it gives"
    (line,) = looks.told
    assert (line["event"], line["trades"]) == ("feed_trades_missed", 20)
    labels = {"venue": "bybit", "outcome": "incomplete"}
    assert REGISTRY.get_sample_value("tapeflow_feed_checks_total", labels) == 0, "the first one is an increase"


def test_a_market_that_is_held_or_has_not_begun_is_left_to_its_filling() -> None:
    here = world("bitget", COUNT, 0)

    async def story(venue: ScriptedVenue, _filler: Filler) -> None:
        history = History(VENUES["bitget"], places_of(venue.addresses.split(","), ["bitget"])["bitget"], 0.01, 0.1)
        checker = Checker(VENUES["bitget"], history, here.markets, here.sent.extend, 0.1)
        assert await checker.check(SYMBOL) is None
        here.markets.take([here.row(trade) for trade in here.script[:5]])
        here.markets.hold(SYMBOL)
        assert await checker.check(SYMBOL) is None
        assert venue.questions == []
        await history.close()

    here.run(story)


def test_a_history_that_fails_is_told_once() -> None:
    looks = look("bitget", {50}, lambda venue: venue.rest.extend([status(403), status(403)]))
    assert looks.outcomes == [None, "failed", "failed"]
    assert [each["event"] for each in looks.told] == ["feed_check_failed"]
