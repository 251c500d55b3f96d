"""Rooms of bars: what a message does to one, and how a bar ends in each view."""

import json
from typing import Any

import pytest

from core.fanout.bar_rooms import BAR_ROOMS, BarRoom
from core.fanout.client import FRESH, HELD_BY_TRANSPORT, HubLimits
from core.fanout.dialect import ALL_BARS, FINAL_BARS, Subscribe
from core.fanout.hub import Hub
from core.fanout.messages import decode_bar
from core.fanout.rooms import Outcome
from tests.unit.core.fanout.words import CANDLES, bar, feed, make_client, sent


def bars(*messages: dict[str, Any], depth: int = 3, view: str = ALL_BARS) -> BarRoom:
    room = BAR_ROOMS[view](("bars", "A", "1m", view))
    room.load([decode_bar(json.dumps(each).encode()) for each in messages], depth)
    return room


def test_old_bars_do_not_undo_new_ones_and_a_closed_one_counts_once() -> None:
    room = bars(bar(0, 5, final=True), bar(60, 7))
    assert room.apply(decode_bar(json.dumps(bar(60, 6)).encode())) is Outcome.IGNORED
    assert room.apply(decode_bar(json.dumps(bar(60, 7, final=True)).encode())) is Outcome.APPLIED
    assert room.apply(decode_bar(json.dumps(bar(60, 7, final=True)).encode())) is Outcome.IGNORED
    assert [each.final for each in room.drain(0, 1000)] == [True]


def test_live_bars_of_two_starts_take_turns() -> None:
    room = bars()
    for message in (bar(0, 1), bar(60, 2), bar(0, 3), bar(60, 4)):
        room.apply(decode_bar(json.dumps(message).encode()))
    assert [(each.start_ms, each.sequence) for each in room.drain(1000, 1000)] == [(0, 3)]
    assert room.drain(1500, 1000) == []
    assert [(each.start_ms, each.sequence) for each in room.drain(2000, 1000)] == [(60, 4)]


def test_a_revision_older_than_what_is_kept_is_still_sent() -> None:
    room = bars(bar(60, 1, final=True), bar(120, 2, final=True), bar(180, 3), depth=3)
    room.apply(decode_bar(json.dumps(bar(0, 9, final=True, revision=1)).encode()))
    assert [each.start_ms for each in room.drain(0, 1000)] == [0]
    assert 0 not in room.bars


def test_a_room_keeps_what_was_asked_for_and_a_few_more_however_long_its_members_stay() -> None:
    room = bars(*(bar(60 * number, number, final=True) for number in range(20)), depth=3)
    assert len(room.bars) == 11
    for number in range(20, 40):
        room.apply(decode_bar(json.dumps(bar(60 * number, number, final=True)).encode()))
        assert len(room.bars) == len(room.starts) == 11
    assert [each.start_ms for each in room.newest(2)] == [2280, 2340]


Shown = list[tuple[int, int, bool]]

CLOSE: list[dict[str, Any]] = [
    bar(0, 1),
    bar(0, 2),
    bar(60, 3),  # the next minute begins
    bar(0, 4),  # a trade of the last one, out of order
    bar(60, 5),
    bar(0, 4, final=True),
    bar(60, 6),
    bar(0, 7, final=True, revision=1),
    bar(60, 8),
]


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("", [(0, 1, False), (0, 2, False), (60, 3, False), (60, 5, False), (60, 6, False), (60, 8, False)]),
        (
            FINAL_BARS,
            [(0, 1, False), (0, 2, False), (60, 3, False), (0, 4, False), (60, 5, False), (0, 4, True),
             (60, 6, False), (60, 8, False)],
        ),
        (
            ALL_BARS,
            [(0, 1, False), (0, 2, False), (60, 3, False), (0, 4, False), (60, 5, False), (0, 4, True),
             (60, 6, False), (0, 7, True), (60, 8, False)],
        ),
    ],
)  # fmt: skip
def test_a_close_in_each_view(view: str, shown: Shown) -> None:
    room = bars(view=view)
    seen: Shown = []
    for number, message in enumerate(CLOSE):
        room.apply(decode_bar(json.dumps(message).encode()))
        seen += [(each.start_ms, each.sequence, each.final) for each in room.drain(1000 * (number + 1), 1000)]
        room.flushed()
    assert seen == shown
    assert [(each.start_ms, each.sequence) for each in room.newest(2)] == [(0, 7), (60, 8)], "the state has it all"


def test_the_last_state_of_a_bar_goes_out_before_the_next_begins_throttle_or_not() -> None:
    room = bars(view="")
    for message in (bar(0, 1), bar(0, 2)):
        room.apply(decode_bar(json.dumps(message).encode()))
    assert [each.sequence for each in room.drain(1000, 1000)] == [2]
    room.apply(decode_bar(json.dumps(bar(0, 3)).encode()))
    assert room.drain(1100, 1000) == []
    room.apply(decode_bar(json.dumps(bar(60, 4)).encode()))
    assert [each.sequence for each in room.drain(1200, 1000)] == [3]
    assert [each.sequence for each in room.drain(2200, 1000)] == [4]


def subscribed(hub: Hub, view: str) -> Any:
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", view),), bars=5), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    assert sent(hub, client, 0)[0]["type"] == "initial"
    return client


def test_one_that_was_held_over_a_close_gets_each_bar_since_and_never_an_older_one() -> None:
    hub = Hub(HubLimits(buffer=1))
    client = subscribed(hub, "")
    feed(hub, bar(60_000, 2))
    assert [each["bar"]["time"][14:19] for each in sent(hub, client, 2_000)] == ["01:00"]
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 2_000)
    for number in range(1, 4):
        feed(hub, bar(60_000 * number, 10 * number, final=True), bar(60_000 * (number + 1), 10 * number + 1))
        assert sent(hub, client, 2_000 + 1_000 * number) == []
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    got = [(each["bar"]["time"][14:19], each["bar"]["final"]) for each in sent(hub, client, 6_000)]
    assert got == [("01:00", True), ("02:00", True), ("03:00", True), ("04:00", False)]


def test_a_symbol_that_has_not_traded_is_an_error_until_its_first_bar() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ""),), bars=5), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, (), 0)
    [error] = sent(hub, client, 0)
    assert error["type"] == "error"
    assert error["message"].startswith("Invalid symbol: A")
    assert sent(hub, client, 1_000) == []
    second = make_client(hub, CANDLES)
    hub.command(second, Subscribe((("bars", "A", "1m", ""),), bars=5), 1_000)
    for load in hub.take_loads(1_000):
        hub.loaded_bars(load, (), 1_000)
    assert [each["type"] for each in sent(hub, second, 1_000)] == ["error"]
    assert sent(hub, client, 1_000) == [], "it was told already"
    feed(hub, bar(60_000, 2))
    [initial] = sent(hub, client, 2_000)
    assert [each["time"][14:19] for each in initial["bars"]] == ["01:00"]


def test_a_load_from_before_what_the_stream_brought_changes_nothing() -> None:
    room = bars(bar(0, 5, final=True), bar(60, 7))
    older = [decode_bar(json.dumps(each).encode()) for each in (bar(0, 4), bar(60, 6))]
    assert not room.load(older, 3)
    ahead = [decode_bar(json.dumps(each).encode()) for each in (bar(60, 8), bar(120, 9))]
    assert room.load(ahead, 5)
    assert room.depth == 5
    assert [each.sequence for each in room.newest(3)] == [5, 8, 9]
    assert room.newest(0) == []


def test_initial_bars_are_put_into_words_once_until_a_bar_moves() -> None:
    room = bars(bar(0, 5, final=True), bar(60, 7))
    first = room.initial(CANDLES, 2)
    assert room.initial(CANDLES, 2) is first
    assert room.initial(CANDLES, 1) != first
    room.apply(decode_bar(json.dumps(bar(60, 8)).encode()))
    assert room.initial(CANDLES, 2) is not first


def test_members_are_owed_what_was_open_when_delivery_stopped() -> None:
    hub = Hub(HubLimits())
    client = subscribed(hub, ALL_BARS)
    (room,) = client.rooms
    feed(hub, bar(60_000, 2))
    sent(hub, client, 2_000)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 2_000)
    feed(hub, bar(60_000, 3, final=True))
    hub.flush(3_000)
    assert [each.start_ms for each in room.missed(client)] == [0]
    assert room.owe() > 0
    assert client.owed == {room: 0}
    assert room.count_since(0) == 2
    assert not room.owes_more(1000)
    lagging = make_client(hub, CANDLES)
    room.fall_behind(lagging, FRESH)
    lagging.owed[room] = -60_000
    assert room.owes_more(1000)
    assert lagging.rooms[room] == 1000
    assert not room.owes_more(room.depth)
    room.forget()
    assert (room.owe(), room.owes_more(1000), room.ready, room.starts) == (0, False, False, [])


def test_nobody_who_lags_for_another_reason_is_owed_bars() -> None:
    hub = Hub(HubLimits())
    client = subscribed(hub, ALL_BARS)
    (room,) = client.rooms
    room.fall_behind(client, FRESH)
    assert room.owe() == 0
    assert client.owed == {}


def test_the_newest_none_of_a_room_are_none_and_bars_since_one_include_it() -> None:
    room = bars(bar(0, 1, final=True), bar(60, 2, final=True), bar(120, 3))
    assert room.newest(0) == []
    assert room.count_since(60) == 2
