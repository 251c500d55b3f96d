"""Pieces of what is asked for, and what every venue keeps."""

import pytest

from feeds.marks import Mark
from feeds.symbols import PERPETUAL
from feeds.venue import Venue, chunks
from feeds.venues import VENUES

CONTRACTS = ("binance-futures", "bybit-linear", "bybit-inverse")


def symbols(venue: Venue, count: int) -> list[str]:
    kind = f"-{PERPETUAL}" if venue.name in CONTRACTS else ""
    return [f"A{number}/USD{'' if venue.name == 'bybit-inverse' else 'T'}{kind}" for number in range(count)]


def test_chunks_have_everything_once() -> None:
    assert [list(chunk) for chunk in chunks("abcde", 2)] == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_no_connection_has_more_symbols_than_the_venue_allows(venue: Venue) -> None:
    asked = symbols(venue, 2 * venue.rules.symbols_max + 1)
    found = venue.subscriptions(asked, quotes=True)
    assert [symbol for each in found for symbol in each.symbols] == asked
    assert max(len(each.symbols) for each in found) == venue.rules.symbols_max
    for each in found:
        assert each.address.startswith(venue.addresses)
        assert each.frames
        assert max(map(len, each.frames)) < 21_000
        # What ends it says the same of the same markets.
        begun = [
            text.lower().replace('"id":1', '"id":2').replace('"subscribe"', '"unsubscribe"') for text in each.frames
        ]
        assert [text.lower() for text in each.ends] == begun


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_a_frame_that_is_deeper_than_anybody_reads_is_unreadable(venue: Venue) -> None:
    for frame in (b"[" * 100_000, b'{"a":' * 100_000):
        assert venue.told(frame, 1).unreadable is not None
        assert venue.told_history(symbols(venue, 1)[0], frame).unreadable is not None


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_what_is_no_market_of_the_venue_is_a_value_error(venue: Venue) -> None:
    other = "BTC/USDT" if venue.name in CONTRACTS else "BTC/JPY-PERP"
    for wrong in ("BTCUSDT", "BTC/", "/USDT", "BTC/US DT", *(() if venue.name == "okx" else (other,))):
        with pytest.raises(ValueError, match=r"BTC|USDT"):
            venue.subscriptions([wrong], quotes=False)


@pytest.mark.parametrize("venue", VENUES.values(), ids=VENUES.keys())
def test_the_name_that_is_asked_for_is_the_name_that_comes_back(venue: Venue) -> None:
    """A symbol that isn't that of its trades would wait for ever."""
    (symbol,) = symbols(venue, 1)
    assert venue.history(symbol, Mark(0), None).startswith("https://")
    told = venue.told_history(symbol, b"<html>")
    assert told.unreadable is not None
    assert told.unreadable.channel == "history"
