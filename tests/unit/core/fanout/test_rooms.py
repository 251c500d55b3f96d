"""State of rooms: what a message does to it, and which messages lead from a sequence to it."""

import json
from typing import Any

from core.fanout.messages import TickerMessage, decode_batch, decode_ticker
from core.fanout.rooms import Outcome, TickerRoom
from tests.unit.core.fanout.words import delta, snapshot


def ticker(*messages: dict[str, Any]) -> TickerRoom:
    room = TickerRoom(("ticker", "A"))
    for message in decode_batch(json.dumps(messages).encode()):
        assert isinstance(message, TickerMessage)
        room.apply(message)
    return room


def test_since_gives_the_chain_or_nothing() -> None:
    room = ticker(snapshot("A", 1), *(delta("A", number, number + 1) for number in range(1, 6)))
    assert [each.sequence for each in room.since(3) or ()] == [4, 5, 6]
    assert room.since(6) == []
    assert room.since(100) is None
    del room.history[0], room.history[0], room.history[0]
    assert [each.sequence for each in room.since(4) or ()] == [5, 6]
    assert room.since(3) is None


def test_a_hole_makes_the_room_unready_and_keeps_the_new_chain() -> None:
    room = ticker(snapshot("A", 1), delta("A", 5, 6), delta("A", 6, 7))
    assert not room.ready
    assert room.load(decode_ticker(json.dumps(snapshot("A", 3)).encode())) is Outcome.GAP, "too old for the chain"
    assert room.load(decode_ticker(json.dumps(snapshot("A", 6)).encode())) is Outcome.APPLIED
    assert (room.sequence, room.ready) == (7, True)


def test_a_snapshot_in_the_stream_is_a_link_for_those_who_resume() -> None:
    room = ticker(snapshot("A", 1), snapshot("A", 4), delta("A", 4, 5))
    assert [(each.previous, each.sequence) for each in room.since(1) or ()] == [(None, 4), (4, 5)]
