"""State of rooms: what a message does to it, and which messages lead from a sequence to it."""

import json
from typing import Any

from core.hub_messages import TickerMessage, decode_bar, decode_batch, decode_ticker
from core.hub_rooms import BarRoom, Outcome, TickerRoom
from tests.unit.core.hub_words import bar, delta, snapshot


def ticker(*messages: dict[str, Any], history: int = 10) -> TickerRoom:
    room = TickerRoom(("ticker", "A"), history)
    for message in decode_batch(json.dumps(messages).encode()):
        assert isinstance(message, TickerMessage)
        room.apply(message)
    return room


def bars(*messages: dict[str, Any], depth: int = 3) -> BarRoom:
    room = BarRoom(("bars", "A", "1m"))
    room.load([decode_bar(json.dumps(each).encode()) for each in messages], depth)
    return room


def test_since_gives_the_chain_or_nothing() -> None:
    room = ticker(snapshot("A", 1), *(delta("A", number, number + 1) for number in range(1, 6)))
    assert [each.sequence for each in room.since(3) or ()] == [4, 5, 6]
    assert room.since(6) == []
    assert room.since(100) is None
    assert ticker(snapshot("A", 1), *(delta("A", n, n + 1) for n in range(1, 6)), history=2).since(3) is None


def test_a_hole_makes_the_room_unready_and_keeps_the_new_chain() -> None:
    room = ticker(snapshot("A", 1), delta("A", 5, 6), delta("A", 6, 7))
    assert not room.ready
    assert room.load(decode_ticker(json.dumps(snapshot("A", 3)).encode())) is Outcome.GAP, "too old for the chain"
    assert room.load(decode_ticker(json.dumps(snapshot("A", 6)).encode())) is Outcome.APPLIED
    assert (room.sequence, room.ready) == (7, True)


def test_a_snapshot_in_the_stream_is_a_link_for_those_who_resume() -> None:
    room = ticker(snapshot("A", 1), snapshot("A", 4), delta("A", 4, 5))
    assert [(each.previous, each.sequence) for each in room.since(1) or ()] == [(None, 4), (4, 5)]


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
