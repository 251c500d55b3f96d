"""State of rooms: what a message does to it, and which messages lead from a sequence to it."""

import json
from typing import Any

import msgspec

from core.fanout.messages import ChannelMessage, QuoteMessage, TickerMessage, decode_batch, decode_quote, decode_ticker
from core.fanout.rooms import TAKEN_UP_MAX, ChannelRoom, Outcome, TickerRoom
from tests.unit.core.fanout.words import PRICES, delta, snapshot


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
    room.history.clear()
    assert room.since(5) is None


def test_a_hole_makes_the_room_unready_and_keeps_the_new_chain() -> None:
    room = ticker(snapshot("A", 1), delta("A", 5, 6), delta("A", 6, 7))
    assert not room.ready
    assert room.load(decode_ticker(json.dumps(snapshot("A", 3)).encode())) is Outcome.GAP, "too old for the chain"
    assert room.load(decode_ticker(json.dumps(snapshot("A", 6)).encode())) is Outcome.APPLIED
    assert (room.sequence, room.ready) == (7, True)


def test_a_snapshot_in_the_stream_is_a_link_for_those_who_resume() -> None:
    room = ticker(snapshot("A", 1), snapshot("A", 4), delta("A", 4, 5))
    assert [(each.previous, each.sequence) for each in room.since(1) or ()] == [(None, 4), (4, 5)]


def test_a_snapshot_below_what_clients_were_given_changes_nothing() -> None:
    room = ticker(snapshot("A", 9))
    room.floor = 9
    room.forget()
    (older,) = decode_batch(json.dumps([snapshot("A", 5)]).encode())
    assert isinstance(older, TickerMessage)
    assert room.apply(older) is Outcome.IGNORED
    assert room.load(older) is Outcome.GAP
    assert not room.ready


def test_what_the_load_ran_ahead_of_is_a_link_all_the_same() -> None:
    room = TickerRoom(("ticker", "A"))
    messages = [delta("A", 1, 2), delta("A", 2, 3), delta("A", 3, 4)]
    first, second, third = decode_batch(json.dumps(messages).encode())
    for message in (first, second, third):
        assert isinstance(message, TickerMessage)
    assert room.apply(first) is Outcome.GAP  # type: ignore[arg-type]
    assert room.load(decode_ticker(json.dumps(snapshot("A", 3)).encode())) is Outcome.APPLIED
    assert room.load(decode_ticker(json.dumps(snapshot("A", 9)).encode())) is Outcome.IGNORED, "it has a state"
    assert room.apply(second) is Outcome.IGNORED  # type: ignore[arg-type]
    assert room.apply(third) is Outcome.APPLIED  # type: ignore[arg-type]
    assert [each.sequence for each in room.since(2) or ()] == [3, 4]
    assert room.apply(first) is Outcome.IGNORED, "older than the chain"  # type: ignore[arg-type]


def test_a_message_that_comes_again_into_a_broken_chain_is_passed_over() -> None:
    room = ticker(snapshot("A", 1), delta("A", 5, 6), delta("A", 5, 6), delta("A", 8, 9))
    assert [(message.link, message.sequence) for message in room.history] == [(8, 9)]


def test_the_state_is_put_into_words_once_until_it_moves() -> None:
    room = ticker(snapshot("A", 1))
    first = room.part(PRICES)
    assert room.part(PRICES) is first
    (message,) = decode_batch(json.dumps([delta("A", 1, 2)]).encode())
    room.apply(message)  # type: ignore[arg-type]
    assert b'"sequence":2' in room.part(PRICES).replace(b" ", b"")
    assert [each.sequence for each in room.drain()] == [2]
    assert room.drain() == []


def test_a_channel_gives_what_was_published_once() -> None:
    room = ChannelRoom(("channel", "lp"), lossless=False)
    room.pending.extend(ChannelMessage("lp", "lp", b"%d" % number, 1) for number in range(3))
    assert [message.data for message in room.drain()] == [b"0", b"1", b"2"]
    room.pending.append(ChannelMessage("lp", "lp", b"3", 1))
    room.discard_pending()
    assert room.drain() == []
    assert room.ready


def test_a_message_that_was_there_already_does_nothing() -> None:
    room = ticker(snapshot("A", 1), delta("A", 1, 2))
    (again,) = decode_batch(json.dumps([delta("A", 1, 2)]).encode())
    assert isinstance(again, TickerMessage)
    assert room.apply(again) is Outcome.IGNORED
    assert [each.sequence for each in room.drain()] == [2]


def test_the_very_state_that_clients_were_given_makes_a_room_ready_again() -> None:
    for is_load in (True, False):
        room = ticker(snapshot("A", 5))
        room.floor = room.sequence
        room.forget()
        message = decode_ticker(json.dumps(snapshot("A", 5)).encode())
        assert (room.load(message) if is_load else room.apply(message)) is Outcome.APPLIED
        assert room.ready


def quote(sequence: int, bid: int, time_ms: int = 20) -> QuoteMessage:
    fields = {"symbol": "A", "bid": bid, "ask": 9, "bidSize": 1, "askSize": 1, "mid": 5, "spread": 1}
    return decode_quote(json.dumps({**fields, "quoteTimestamp": time_ms, "quoteSequence": sequence}).encode())


def test_a_quote_is_shown_beside_the_ticker_and_told_once() -> None:
    room = ticker({**snapshot("A", 1), "timestamp": 10})
    assert not room.stirred
    assert room.take_quote(quote(7, 3))
    assert not room.take_quote(quote(7, 4)), "not above the one that is held"
    assert room.stirred
    assert (room.whole["bid"], room.fields.get("bid")) == (msgspec.Raw(b"3"), None)
    (alone,) = room.drain()
    assert (alone.previous, alone.sequence, json.loads(alone.raw)["bid"]) == (1, 1, 3)
    assert not room.stirred
    assert room.drain() == []
    assert [json.loads(each.raw)["bid"] for each in room.since(1) or ()] == [3]
    assert room.since(5) is None
    room.forget_quote()
    assert (room.quote_sequence, room.whole) == (-1, room.fields)


def put_by(room: TickerRoom, *messages: dict[str, Any]) -> list[Outcome]:
    outcomes = []
    for message in decode_batch(json.dumps(messages).encode()):
        assert isinstance(message, TickerMessage)
        outcomes.append(Outcome.APPLIED if room.keep(message, -1) else room.put_by(message))
    return outcomes


def test_what_came_while_nobody_was_there_is_read_when_somebody_comes() -> None:
    room = ticker(snapshot("A", 1))
    assert room.rests
    assert set(put_by(room, delta("A", 1, 2), delta("A", 2, 3))) == {Outcome.APPLIED}
    assert (room.ready, room.sequence, room.fields["sequence"]) == (False, 1, msgspec.Raw(b"1")), "nothing was read"
    room.take_up()
    assert (room.ready, room.sequence, room.stirred) == (True, 3, False)
    assert [each.sequence for each in room.since(1) or ()] == [2, 3]


def test_what_a_room_had_before_it_rested_is_not_read_again() -> None:
    room = ticker(snapshot("A", 1), delta("A", 1, 2))
    assert put_by(room, delta("A", 1, 2), delta("A", 2, 3)) == [Outcome.IGNORED, Outcome.APPLIED]
    room.take_up()
    assert (room.ready, room.sequence) == (True, 3)


def test_a_snapshot_among_what_was_put_by_needs_nothing_before_it() -> None:
    room = TickerRoom(("ticker", "A"))
    put_by(room, delta("A", 1, 2), snapshot("A", 5), delta("A", 5, 6))
    room.take_up()
    assert (room.ready, room.sequence) == (True, 6)


def test_what_lacks_messages_or_has_too_many_is_left_to_redis() -> None:
    gap = ticker(snapshot("A", 1))
    assert put_by(gap, delta("A", 1, 2), delta("A", 3, 4), delta("A", 2, 3)) == [
        Outcome.APPLIED,
        Outcome.GAP,
        Outcome.IGNORED,
    ]
    much = ticker(snapshot("A", 1))
    put_by(much, *(delta("A", number, number + 1) for number in range(1, TAKEN_UP_MAX + 2)))
    for room in (gap, much):
        room.take_up()
        assert not room.ready
    assert much.load(decode_ticker(json.dumps(snapshot("A", 3)).encode())) is Outcome.APPLIED
    assert much.sequence == TAKEN_UP_MAX + 2


def test_the_newest_quote_of_a_room_that_rests_is_read_when_somebody_comes() -> None:
    room = ticker({**snapshot("A", 1), "timestamp": 10})
    room.asked = True
    for message in (quote(7, 3), quote(9, 4), quote(8, 5)):
        room.put_quote_by(message)
    assert (room.quote, room.stirred) == ({}, False)
    room.take_up()
    assert (room.quote_sequence, room.whole["bid"], room.stirred) == (9, msgspec.Raw(b"4"), False)
    room.asked = False  # some may have been lost since
    put_by(room, delta("A", 1, 2))
    room.take_up()
    assert not room.ready, "Redis has to be asked for both"
    room.put_quote_by(quote(12, 6))
    room.forget_quote()
    room.take_up()
    assert room.quote == {}


def test_a_room_that_redis_ran_ahead_of_awaits_what_is_on_its_way() -> None:
    room = TickerRoom(("ticker", "A"))
    put_by(room, delta("A", 1, 2), delta("A", 2, 3))
    room.load(decode_ticker(json.dumps(snapshot("A", 4)).encode()))
    assert [room.awaits(sequence) for sequence in (0, 1, 3, 4, 5)] == [False, True, True, False, True]
    (last,) = decode_batch(json.dumps([delta("A", 3, 4)]).encode())
    room.apply(last)  # type: ignore[arg-type]
    assert not room.awaits(1)
    assert [each.sequence for each in room.since(1) or ()] == [2, 3, 4]
