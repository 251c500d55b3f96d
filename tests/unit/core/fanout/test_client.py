"""Budgets of a client: time is passed in, bursts are bounded."""

import pytest

from core.fanout.client import FRESH, HELD, Client, HubLimits, Room
from tests.unit.core.fanout.words import CANDLES, PRICES


def test_the_outbound_budget_comes_back_with_time() -> None:
    limits = HubLimits(out_per_s=1000)
    client = Client("c", PRICES, 0, limits)
    client.budget = -500
    assert not client.refill(400, limits)
    assert client.refill(500, limits)
    assert client.refill(10_000, limits)
    assert client.budget == 1000


def members(room: Room) -> tuple[list[Client], list[Client]]:
    """(who has everything, who lags)."""
    return [client for audience in room.audience.values() for client in audience], list(room.lagging)


def test_a_client_lags_in_each_room_by_itself() -> None:
    first, second, client = Room(("ticker", "A")), Room(("ticker", "B")), Client("c", PRICES, 0, HubLimits())
    first.fall_behind(client, 3)
    second.fall_behind(client, 4)
    first.admit(client)
    assert (members(first), members(second), client.lags) == (([client], []), ([], [client]), {second: 4})
    second.admit(client)
    assert (members(second), client.lags) == (([client], []), {})


def test_a_member_has_everything_or_lags_never_both() -> None:
    room = Room(("ticker", "A"))
    one, two = (Client(name, PRICES, 0, HubLimits()) for name in ("one", "two"))
    candles = Client("three", CANDLES, 0, HubLimits())
    for client in (one, two, candles):
        room.fall_behind(client, FRESH)
    assert (members(room), room.members) == (([], [one, two, candles]), 3)
    for client in (one, candles):
        room.admit(client)
    assert members(room) == ([one, candles], [two])
    assert room.everyone() == [two, one, candles]
    assert (one.lags, two.lags) == ({}, {room: FRESH})
    room.fall_behind(one, 7)
    assert members(room) == ([candles], [two, one])
    assert one.lags == {room: 7}


def test_who_leaves_leaves_nothing() -> None:
    room = Room(("ticker", "A"))
    one, two = (Client(name, PRICES, 0, HubLimits()) for name in ("one", "two"))
    for client in (one, two):
        room.admit(client)
    room.remove(one)
    assert room.audience == {PRICES: {two: None}}
    room.fall_behind(two, HELD)
    room.remove(two)
    room.remove(two)
    assert (room.audience, room.lagging, room.members, two.lags) == ({}, {}, 0, {})


def test_a_client_without_a_token_s_limits_may_all_and_each_kind_of_room_forgets_in_its_way() -> None:
    client = Client("c", PRICES, 0, HubLimits())
    assert client.may_see("A")
    assert client.may_join("alerts")
    with pytest.raises(NotImplementedError):
        Room(("ticker", "A")).discard_pending()
