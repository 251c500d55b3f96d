"""Quotes in the hub: a client has the newest bid and ask at once, whatever it missed and however it came in."""

import json
from typing import Any

import pytest

from core.fanout.client import HELD_BY_TRANSPORT
from core.fanout.dialect import Subscribe, Unsubscribe
from core.fanout.hub import Hub
from core.fanout.messages import decode_quote, decode_quotes
from tests.unit.core.fanout.words import HubLimits, answer, feed, make_client, sent

ROOM = ("ticker", "A")


def snapshot(sequence: int, time_ms: int = 10, **more: Any) -> dict[str, Any]:
    head = {"type": "snapshot", "symbol": "A", "price": sequence, "bid": 1, "ask": 2}
    return {**head, "timestamp": time_ms, "sequence": sequence, **more}


def delta(previous: int, sequence: int, time_ms: int = 10, **more: Any) -> dict[str, Any]:
    head = {"type": "delta", "symbol": "A", "price": sequence, **more}
    return {**head, "timestamp": time_ms, "sequence": sequence, "previous": previous}


def quote(sequence: int, bid: float = 1.25, ask: float = 1.75, time_ms: int = 20) -> dict[str, Any]:
    return {
        "type": "quote", "symbol": "A", "bid": bid, "ask": ask, "bidSize": 5, "askSize": 6, "mid": (bid + ask) / 2,
        "spread": ask - bid, "quoteTimestamp": time_ms, "quoteSequence": sequence, "exchange": "X",
    }  # fmt: skip


def tell(hub: Hub, *quotes: dict[str, Any]) -> None:
    hub.quotes.apply(decode_quotes(json.dumps(quotes).encode()), 1)


def load(hub: Hub, ticker: dict[str, Any] | None, held: dict[str, Any] | None) -> None:
    loaded = None if held is None else decode_quote(json.dumps(held).encode())
    hub.quotes.loaded("A", loaded)
    answer(hub, {} if ticker is None else {"A": ticker})


@pytest.fixture
def hub() -> Hub:
    return Hub(HubLimits(reload_ms=0))


def test_a_snapshot_has_the_quote_and_a_quote_moves_it_at_once(hub: Hub) -> None:
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    load(hub, snapshot(3), quote(7))
    (whole,) = sent(hub, client, 0)
    assert whole == {
        **snapshot(3), "bid": 1.25, "ask": 1.75, "bidSize": 5, "askSize": 6, "mid": 1.5, "spread": 0.5,
        "quoteTimestamp": 20, "quoteSequence": 7,
    }  # fmt: skip
    tell(hub, quote(8, bid=1.5))
    tell(hub, quote(6, bid=1.1), quote(8, bid=1.5))
    (change,) = sent(hub, client, 16)
    assert change == {
        "type": "delta", "symbol": "A", "bid": 1.5, "mid": 1.625, "spread": 0.25, "quoteSequence": 8,
        "timestamp": 10, "sequence": 3, "previous": 3,
    }  # fmt: skip
    assert sent(hub, client, 32) == []


def test_trades_behind_the_quote_bring_no_sides_and_later_ones_do(hub: Hub) -> None:
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    load(hub, snapshot(3), quote(7))
    sent(hub, client, 0)
    feed(hub, delta(3, 4, time_ms=15, bid=9, ask=10))
    assert sent(hub, client, 16) == [delta(3, 4, time_ms=15)]
    feed(hub, delta(4, 5, time_ms=21))
    (change,) = sent(hub, client, 32)
    sides = {"bid": 9, "ask": 10, "bidSize": None, "askSize": None, "mid": 9.5, "spread": 1, "quoteTimestamp": 21}
    assert change == {**delta(4, 5, time_ms=21), **sides}
    feed(hub, delta(5, 6, time_ms=22))
    tell(hub, quote(8, time_ms=22))
    (both,) = sent(hub, client, 48)
    assert (both["previous"], both["sequence"], both["bid"], both["bidSize"]) == (5, 6, 1.25, 5)


def test_who_resumes_or_was_slow_has_the_quote(hub: Hub) -> None:
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    load(hub, snapshot(3), quote(7))
    sent(hub, client, 0)
    hub.command(client, Unsubscribe((ROOM,)), 0)
    feed(hub, delta(3, 4, bid=8))
    tell(hub, quote(8, bid=1.5))
    hub.command(client, Subscribe((ROOM,), {ROOM: 3}), 0)
    (missed,) = sent(hub, client, 16)
    assert (missed["sequence"], missed["bid"], missed["quoteSequence"]) == (4, 1.5, 8)
    hub.command(client, Unsubscribe((ROOM,)), 0)
    tell(hub, quote(9, bid=1.6))
    hub.command(client, Subscribe((ROOM,), {ROOM: 4}), 0)
    (missed,) = sent(hub, client, 32)
    assert (missed["previous"], missed["sequence"], missed["bid"], missed["ask"]) == (4, 4, 1.6, 1.75)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 32)
    tell(hub, quote(10, bid=1.7))
    assert sent(hub, client, 48) == []
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    (whole,) = sent(hub, client, 64)
    assert (whole["type"], whole["bid"], whole["quoteSequence"]) == ("snapshot", 1.7, 10)


def test_a_room_that_the_stream_made_ready_asks_redis_for_its_quote(hub: Hub) -> None:
    feed(hub, snapshot(3))
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    (whole,) = sent(hub, client, 0)
    assert whole == snapshot(3)
    load(hub, snapshot(3), quote(7))
    (change,) = sent(hub, client, 16)
    assert (change["bid"], change["quoteSequence"], change["sequence"]) == (1.25, 7, 3)
    other = make_client(hub)
    hub.command(other, Subscribe((ROOM,)), 0)
    assert not hub.take_loads(16), "asked once"


def test_a_quote_comes_with_the_first_ticker_and_goes_with_its_redis(hub: Hub) -> None:
    tell(hub, quote(1))
    hub.quotes.loaded("A", None)
    assert not hub.registry.tickers, "nobody asked for it"
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    load(hub, None, quote(7))
    tell(hub, quote(8))
    assert [each["type"] for each in sent(hub, client, 0)] == ["error"]
    feed(hub, snapshot(3))
    (whole,) = sent(hub, client, 16)
    assert (whole["type"], whole["quoteSequence"]) == ("snapshot", 8)
    hub.reset()
    load(hub, snapshot(4), quote(8))
    (whole,) = sent(hub, client, 32)
    assert (whole["sequence"], whole["quoteSequence"]) == (4, 8)
    hub.reset(new_epoch=True)
    load(hub, snapshot(1), None)
    assert sent(hub, client, 48) == [snapshot(1)]


def test_what_a_load_showed_is_told_so_a_quote_that_goes_back_to_an_older_price_says_it(hub: Hub) -> None:
    client = make_client(hub)
    hub.command(client, Subscribe((ROOM,)), 0)
    load(hub, snapshot(3), quote(7, ask=1.75))
    sent(hub, client, 0)
    hub.reset()
    load(hub, snapshot(4), quote(8, ask=2.25))
    (whole,) = sent(hub, client, 16)
    assert whole["ask"] == 2.25
    tell(hub, quote(9, ask=1.75))
    (change,) = sent(hub, client, 32)
    assert change["ask"] == 1.75
