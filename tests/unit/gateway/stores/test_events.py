"""Events: who may see one, when a resume has a gap, and what a listener's queue does when it is full."""

import asyncio

import pytest

from gateway.access.principal import Principal
from gateway.stores.events import Event, EventId, Listener, decode_event, gap_reason, parse_event_id
from schemas.channels import event_fields

EVERYONE = Principal("u", ("*",), "", frozenset({"alerts"}))
ID = EventId(5, 1)


def encoded(kind: str, data: bytes, **more: object) -> Event | None:
    fields = event_fields(kind, data, written_ms=1, **more)  # type: ignore[arg-type]
    return decode_event(ID, {name.encode(): value for name, value in fields.items()})


def test_frame_holds_id_event_retry_and_the_data_untouched() -> None:
    event = encoded("price_alert", b'{"symbol":"A","price":0.10000000000000000001}')
    assert event is not None
    assert event.frame == (
        b'id: 5-1\nevent: price_alert\nretry: 5000\ndata: {"symbol":"A","price":0.10000000000000000001}\n\n'
    )


def test_line_breaks_in_json_do_not_break_the_frame() -> None:
    event = encoded("news", b'{"title":\n"a",\r\n"x":1}')
    assert event is not None
    assert event.frame.count(b"\n") == 5
    assert b"\r" not in event.frame


@pytest.mark.parametrize(
    "fields",
    [{}, {b"type": b"other", b"data": b"{}"}, {b"type": b"news", b"data": b"[]"}, {b"type": b"news", b"data": b"{"}],
)
def test_other_entries_are_no_events(fields: dict[bytes, bytes]) -> None:
    assert decode_event(ID, fields) is None


@pytest.mark.parametrize(
    ("kind", "data", "more", "principal", "seen"),
    [
        ("news", b"{}", {}, Principal("u"), True),
        ("news", b'{"symbols":["B","A"]}', {}, Principal("u", ("A",)), True),
        ("price_alert", b'{"symbol":"B"}', {}, Principal("u", ("A*",)), False),
        ("system_status", b'{"affected_symbols":["B"]}', {}, Principal("u", ("A",)), False),
        ("system_status", b'{"affected_symbols":[]}', {}, Principal("u", ("A",)), True),
        ("news", b"{}", {"user": "v"}, Principal("u", ("*",)), False),
        ("news", b"{}", {"user": "u"}, Principal("u"), True),
        ("news", b'{"symbol":"A"}', {"symbols": ("B", "C")}, Principal("u", ("A",)), False),
        ("alert", b"{}", {}, Principal("u", ("*",)), False),
        ("alert", b"{}", {}, EVERYONE, True),
    ],
)
def test_who_may_see(kind: str, data: bytes, more: dict[str, object], principal: Principal, seen: bool) -> None:
    event = encoded(kind, data, **more)
    assert event is not None
    assert event.visible_to(principal) is seen


@pytest.mark.parametrize(("text", "found"), [("5-1", (5, 1)), ("5", (5, 0)), ("0-0", (0, 0))])
def test_ids(text: str, found: tuple[int, int]) -> None:
    assert parse_event_id(text) == found


@pytest.mark.parametrize("text", ["", "-", "a-1", "5-1-1", "$", "5-", "-1", "9" * 30, "5 -1"])
def test_not_ids(text: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        parse_event_id(text)


@pytest.mark.parametrize(
    ("since", "first", "last", "whole", "held", "reason"),
    [
        ((5, 0), (3, 0), (9, 0), False, True, ""),
        ((3, 0), (3, 0), (9, 0), False, True, ""),
        ((9, 0), (3, 0), (9, 0), False, False, ""),  # the newest one, deleted by hand
        ((9, 0), None, (9, 0), False, False, ""),
        ((0, 0), None, (0, 0), True, False, ""),
        ((0, 0), (3, 0), (9, 0), True, False, ""),
        ((0, 0), (3, 0), (9, 0), False, False, "trimmed"),
        ((2, 0), (3, 0), (9, 0), False, False, "trimmed"),
        ((8, 0), None, (9, 0), False, False, "trimmed"),
        (
            (2, 0),
            (3, 0),
            (9, 0),
            True,
            False,
            "reset",
        ),  # of a lost log: this one is whole and lacks it
        ((5, 0), (3, 0), (9, 0), True, False, "reset"),
        ((5, 0), (3, 0), (9, 0), False, False, "reset"),
        ((9, 1), (3, 0), (9, 0), True, False, "reset"),
        ((9, 1), None, (0, 0), True, False, "reset"),
    ],
)
def test_gaps(since, first, last, whole: bool, held: bool, reason: str) -> None:
    found = gap_reason(EventId(*since), EventId(*first) if first else None, EventId(*last), whole, held)
    assert found == reason


def test_listener_joins_what_waits_and_closes_when_full() -> None:
    async def scenario() -> None:
        listener = Listener(EVERYONE, 2)
        listener.after = EventId(5, 0)
        for number in range(7):
            listener.offer(Event(EventId(number, 0), "news", b"%d" % number))
        assert await listener.next() == b"6"
        for _ in range(2):
            listener.put(b"x")
        assert await listener.next() == b"xx"
        for _ in range(3):
            listener.put(b"x")
        assert listener.closed == "slow"
        assert await listener.next() is None

    asyncio.run(scenario())


def test_waiting_listener_wakes_on_close() -> None:
    async def scenario() -> None:
        listener = Listener(EVERYONE, 2)
        waiting = asyncio.create_task(listener.next())
        await asyncio.sleep(0)
        listener.close("shutdown")
        assert await asyncio.wait_for(waiting, 1) is None

    asyncio.run(scenario())
