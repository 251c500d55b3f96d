"""What a venue's file made of a frame, in plain values that tests compare with what they wrote into it."""

from typing import Any

from feeds.rows import Told
from feeds.venue import Venue

RECEIVED_US = 1_700_000_000_123_456


def told(venue: Venue, frame: str) -> Told:
    found = venue.told(frame.encode(), RECEIVED_US)
    assert found.unreadable is None, found.unreadable
    return found


def trades(venue: Venue, frame: str) -> list[tuple[Any, ...]]:
    """(symbol, price, size, side, id, time, is past) of each trade, numbers as they stood in the frame."""
    return [
        (each.symbol, text(each.price), text(each.size), each.side, each.trade_id, each.event_time, each.is_past)
        for each in told(venue, frame).trades
    ]


def quotes(venue: Venue, frame: str) -> list[tuple[Any, ...]]:
    """(symbol, bid, its size, ask, its size, time) of each quote."""
    return [
        (each.symbol, text(each.bid), text(each.bid_size), text(each.ask), text(each.ask_size), each.event_time)
        for each in told(venue, frame).quotes
    ]


def text(raw: Any) -> str:
    return bytes(raw).decode()


def reason(venue: Venue, frame: str) -> tuple[str, str]:
    """(channel, reason) of a frame that can't be read."""
    found = venue.told(frame.encode(), RECEIVED_US)
    assert found.trades == found.quotes == []
    assert found.unreadable is not None
    return found.unreadable.channel, found.unreadable.reason


def notice(venue: Venue, frame: str) -> tuple[str, str, str]:
    """(kind, symbol, words) of what a frame says about the session; empty where it says nothing."""
    found = told(venue, frame).notice
    return ("", "", "") if found is None else (found.kind, "".join(found.symbols), found.words)


def past(venue: Venue, symbol: str, body: str) -> list[tuple[Any, ...]]:
    """As ``trades``, of a page of the history."""
    found = venue.told_history(symbol, body.encode())
    assert found.unreadable is None, found.unreadable
    return [
        (each.symbol, text(each.price), text(each.size), each.side, each.trade_id, each.event_time)
        for each in found.trades
    ]


def refused(venue: Venue, symbol: str, body: str) -> str:
    """Why a page can't be used."""
    found = venue.told_history(symbol, body.encode())
    assert found.trades == []
    assert found.unreadable is not None
    return found.unreadable.reason
