"""Slow clients: tickers collapse, final bars and alerts wait, full backlogs close; who comes back goes on."""

import json
from typing import Any

import pytest

from core.fanout.client import HELD_BY_BUDGET, HELD_BY_TRANSPORT, HubLimits
from core.fanout.dialect import ALL_BARS, Subscribe, Unsubscribe, Variant
from core.fanout.hub import Hub
from core.fanout.messages import ChannelMessage, decode_bar
from core.fanout.registry import MESSAGE_BYTES
from gateway.ws.dialects.prices import PricesDialect
from tests.unit.core.fanout.words import ANALYTICS, CANDLES, answer, bar, delta, feed, make_client, sent, snapshot

SYMBOLS = ("A", "B", "C")
EVERY_MS = 160  # a symbol's deltas at about six a second


def test_a_held_client_gets_one_newer_state_instead_of_its_deltas() -> None:
    hub = Hub(HubLimits())
    slow, quick = make_client(hub), make_client(hub)
    for client in (slow, quick):
        hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    sent(hub, quick, 1)
    slow.out.clear()
    hub.delivery.hold(slow, HELD_BY_TRANSPORT, 1)
    for sequence in range(1, 6):
        feed(hub, delta("A", sequence, sequence + 1))
        assert len(sent(hub, quick, 10 * sequence)) == 1, "others notice nothing"
    hub.delivery.release(slow, HELD_BY_TRANSPORT)
    assert [(each["type"], each["sequence"]) for each in sent(hub, slow, 100)] == [("snapshot", 6)]
    feed(hub, delta("A", 6, 7))
    assert [each["previous"] for each in sent(hub, slow, 120)] == [6]


def test_final_bars_wait_for_a_held_client_and_come_before_the_live_one() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ALL_BARS),)), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 0)).encode())], 0)
    sent(hub, client, 1)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 1)
    for step in range(3):
        feed(hub, bar(60_000 * step, 10 * step + 1, close=step), bar(60_000 * step, 10 * step + 1, final=True))
        sent(hub, client, 2000 * step + 2)
    feed(hub, bar(180_000, 99, close=7))
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    got = [(each["bar"]["time"][14:19], each["bar"]["final"]) for each in sent(hub, client, 9000)]
    assert got == [("00:00", True), ("01:00", True), ("02:00", True), ("03:00", False)]


def test_a_full_backlog_drops_the_oldest_of_a_channel_but_never_an_alert() -> None:
    hub = Hub(HubLimits(buffer=3))
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"), ("channel", "lp"))), 0)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    for number in range(3):
        hub.publish(ChannelMessage("lp", "lp", b'{"n":%d}' % number, 1))
        hub.flush(number)
    for number in range(2):
        hub.publish(ChannelMessage("alerts", "alert", b'{"n":%d}' % number, 1))
        hub.flush(number)
    assert hub.delivery.counts["backlog_dropped"] == 2
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    got = [(each["type"], each["data"]["n"]) for array in sent(hub, client, 9) for each in array]
    assert got == [("lp", 2), ("alert", 0), ("alert", 1)]


def test_a_backlog_full_of_alerts_closes_4009() -> None:
    hub = Hub(HubLimits(buffer=3))
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"),)), 0)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    for number in range(4):
        hub.publish(ChannelMessage("alerts", "alert", b"{}", 1))
        hub.flush(number)
    assert [code for _client, code, _reason in hub.take_closes()] == [4009]


def test_a_transport_that_stays_full_closes_4009() -> None:
    hub = Hub(HubLimits(slow_ms=1000))
    client = make_client(hub)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    hub.flush(1000)
    assert hub.take_closes() == []
    hub.flush(1001)
    assert [code for _client, code, _reason in hub.take_closes()] == [4009]


def test_more_than_the_budget_is_conflated_and_comes_back() -> None:
    hub = Hub(HubLimits(out_per_s=10))
    client = make_client(hub)
    hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    got = sent(hub, client, 0)
    for sequence in range(1, 40):
        feed(hub, delta("A", sequence, sequence + 1))
        got += sent(hub, client, 0)
    assert len(got) <= 11
    assert got[-1]["sequence"] < 40
    assert [(each["type"], each["sequence"]) for each in sent(hub, client, 1000)] == [("snapshot", 40)]


def test_replies_that_are_not_read_close() -> None:
    hub = Hub(HubLimits(replies_max=2))
    client = make_client(hub)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    for _ in range(3):
        hub.receive(client, b'{"type":"ping"}', 0)
    assert [code for _client, code, _reason in hub.take_closes()] == [4009]


def test_many_snapshots_are_spread_over_flushes() -> None:
    hub = Hub(HubLimits(catch_up_bytes=200))
    client = make_client(hub)
    symbols = [f"S{number}" for number in range(20)]
    hub.command(client, Subscribe(tuple(("ticker", symbol) for symbol in symbols)), 0)
    answer(hub, {symbol: snapshot(symbol, 1) for symbol in symbols})
    first = sent(hub, client, 1)
    assert 0 < len(first) < 20
    rest: list[object] = []
    for now_ms in range(2, 30):
        rest += sent(hub, client, now_ms)
    assert len(first) + len(rest) == 20


def test_final_bars_that_close_at_once_reach_a_client_that_reads_whatever_its_budget() -> None:
    hub = Hub(HubLimits(out_per_s=10, buffer=3))
    client = make_client(hub, CANDLES)
    symbols = [f"S{number}" for number in range(40)]
    hub.command(client, Subscribe(tuple(("bars", symbol, "1m", ALL_BARS) for symbol in symbols)), 0)
    for load in hub.take_loads(0):
        held = json.dumps({**bar(0, 0), "symbol": load.key[1]}).encode()
        hub.loaded_bars(load, [decode_bar(held)], 0)
    for now_ms in range(0, 60_000, 1000):
        sent(hub, client, now_ms)
    feed(hub, *({**bar(0, 5, final=True), "symbol": symbol} for symbol in symbols))
    got = sent(hub, client, 60_000)
    assert sorted(each["symbol"] for each in got) == sorted(symbols)
    assert hub.take_closes() == []
    feed(hub, *({**bar(60_000, 6), "symbol": symbol} for symbol in symbols))
    assert sent(hub, client, 60_016) == [], "what may be conflated waits until the credit is paid back"
    assert len(sent(hub, client, 64_000)) >= 1


def test_who_waits_for_the_first_trade_of_a_symbol_costs_nothing() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, Subscribe((("ticker", "A"), ("ticker", "B"))), 0)
    assert hub.busy
    answer(hub, {})
    assert [each["code"] for each in sent(hub, client, 1)] == ["INVALID_SYMBOL"] * 2
    assert not hub.busy
    assert not hub.delivery.behind
    feed(hub, snapshot("B", 1))
    assert [each["symbol"] for each in sent(hub, client, 2)] == ["B"]
    hub.pause()
    feed(hub, snapshot("A", 1))
    assert sent(hub, client, 3) == []
    assert not hub.busy
    hub.resume()
    assert {each["symbol"] for each in sent(hub, client, 4)} == {"A", "B"}


def busy_hub(minutes: float, **limits: int) -> tuple[Hub, int]:
    """A hub that somebody follows, after so long; and the last sequence of each symbol."""
    hub = Hub(HubLimits(**limits))
    last = 1 + int(minutes * 60_000 / EVERY_MS)
    hub.command(make_client(hub), Subscribe(tuple(("ticker", symbol) for symbol in SYMBOLS)), 0)
    answer(hub, {symbol: snapshot(symbol, 1) for symbol in SYMBOLS})
    for sequence in range(2, last + 1):
        feed(hub, *(delta(symbol, sequence - 1, sequence) for symbol in SYMBOLS))
    hub.flush(1)
    return hub, last


def come_back(hub: Hub, since: int, until_ms: int = 5_000) -> dict[str, list[dict[str, Any]]]:
    client = make_client(hub, now_ms=10_000)
    rooms = tuple(("ticker", symbol) for symbol in SYMBOLS)
    hub.command(client, Subscribe(rooms, dict.fromkeys(rooms, since)), 10_000)
    got: dict[str, list[dict[str, Any]]] = {}
    for now_ms in range(10_000, 10_000 + until_ms, 16):
        for message in sent(hub, client, now_ms):
            got.setdefault(message["symbol"], []).append(message)
    return got


def check(got: dict[str, list[dict[str, Any]]], since: int, last: int) -> list[str]:
    """Every chain leads from what was held, or a snapshot, to the newest state; gives each first message's type."""
    assert sorted(got) == sorted(SYMBOLS)
    for messages in got.values():
        held = since
        for message in messages:
            assert message["type"] == "snapshot" or message["previous"] == held
            held = message["sequence"]
        assert held == last
    return [got[symbol][0]["type"] for symbol in SYMBOLS]


@pytest.mark.parametrize(
    ("away_minutes", "types"),
    [(0.2, ["delta"] * 3), (1, ["delta"] * 3), (2, ["delta"] * 3), (10, ["snapshot"] * 3), (60, ["snapshot"] * 3)],
)
def test_who_was_away_gets_deltas_while_they_are_held_and_else_whole_states(
    away_minutes: float, types: list[str]
) -> None:
    minutes_held = 4
    held_bytes = minutes_held * 60_000 // EVERY_MS * 3 * (80 + MESSAGE_BYTES)
    hub, last = busy_hub(61, history_bytes=held_bytes)
    assert hub.registry.history_bytes <= held_bytes
    since = last - int(away_minutes * 60_000 / EVERY_MS)
    assert check(come_back(hub, since), since, last) == types
    assert hub.delivery.counts["conflated"] == 0


def test_a_resume_stays_within_the_clients_budget_and_what_takes_too_long_is_a_whole_state() -> None:
    hub, last = busy_hub(0.4, out_per_s=100, resume_wait_ms=1_000)
    got = come_back(hub, last - 80)
    assert check(got, last - 80, last) == ["delta", "delta", "snapshot"], (
        "one at once, one when its budget allows, one late"
    )
    assert hub.delivery.counts["conflated"] == 0
    assert check(come_back(hub, last - 101), last - 101, last) == ["snapshot"] * 3, "more than a second's messages"
    assert check(come_back(hub, last - 30), last - 30, last) == ["delta"] * 3


def test_a_sequence_that_never_was_brings_whole_states() -> None:
    hub, last = busy_hub(0.1)
    feed(hub, *(delta(symbol, last, last + 10) for symbol in SYMBOLS))
    assert check(come_back(hub, last + 5), last + 5, last + 10) == ["snapshot"] * 3


def test_who_is_held_for_two_reasons_waits_for_both() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    delivery = hub.delivery
    sent(hub, client, 0)
    delivery.hold(client, HELD_BY_TRANSPORT, 5)
    delivery.hold(client, HELD_BY_BUDGET, 9)
    assert client.held_since_ms == 5
    delivery.release(client, HELD_BY_TRANSPORT)
    assert client.held == HELD_BY_BUDGET
    assert hub.busy
    delivery.release(client, HELD_BY_BUDGET)
    assert (client.held, hub.busy) == (0, False)


def test_who_is_closed_is_closed_once_and_gets_nothing_more() -> None:
    hub = Hub(HubLimits(buffer=1))
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"),)), 0)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    hub.publish(ChannelMessage("alerts", "alert", b"{}", 1))
    hub.flush(1)
    hub.delivery.close(client, 4009, "first")
    hub.delivery.close(client, 4008, "second")
    hub.delivery.reply(client, [b"{}"])
    hub.publish(ChannelMessage("alerts", "alert", b"{}", 1))
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    assert hub.flush(2) == []
    assert [(code, reason) for _client, code, reason in hub.take_closes()] == [(4009, "first")]


def test_messages_for_some_reach_those_alone() -> None:
    hub = Hub(HubLimits())
    ana, bob = (make_client(hub, ANALYTICS, user_id=name) for name in ("ana", "bob"))
    blind = make_client(hub, ANALYTICS, user_id="bob", may_see=lambda _symbol: False)
    slow = make_client(hub, ANALYTICS, user_id="ana")
    for client in (ana, bob, blind, slow):
        hub.command(client, Subscribe((("channel", "alerts"),)), 0)
        sent(hub, client, 0)
    hub.delivery.hold(slow, HELD_BY_TRANSPORT, 0)
    for number, (user, symbols) in enumerate([("", ()), ("ana", ()), ("", ("A", "B")), ("bob", ("A",))]):
        hub.publish(ChannelMessage("alerts", "alert", b'{"n":%d}' % number, 1, user, symbols))
    hub.flush(1)
    hub.publish(ChannelMessage("alerts", "alert", b'{"n":4}', 1, "bob"))
    hub.flush(2)
    hub.delivery.release(slow, HELD_BY_TRANSPORT)
    seen = [
        [each["data"]["n"] for array in sent(hub, client, 3) for each in array] for client in (ana, bob, blind, slow)
    ]
    assert seen == [[0, 1, 2], [0, 2, 3, 4], [0, 4], [0, 1, 2]]


def test_a_delta_that_changes_nothing_for_a_dialect_is_no_message() -> None:
    hub = Hub(HubLimits())
    quotes = Variant("quotes", Silent(), lambda messages: b"\n".join(messages) + b"\n")
    client = make_client(hub, quotes)
    hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    sent(hub, client, 1)
    feed(hub, delta("A", 1, 2))
    assert sent(hub, client, 2) == []
    assert hub.delivery.written_ms == [1]


class Silent(PricesDialect):
    """Tells states, and nothing of what changes."""

    def changes(self, *_: object) -> tuple[bytes, ...]:
        return ()


def test_a_backlog_of_a_room_that_was_left_is_dropped() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"), ("channel", "lp"))), 0)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    for channel in ("alerts", "lp"):
        hub.publish(ChannelMessage(channel, "alert", b"{}", 1))
    hub.flush(1)
    hub.command(client, Unsubscribe((("channel", "lp"),)), 2)
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    assert [len(array) for array in sent(hub, client, 3)] == [1]


def test_who_resumes_ahead_of_this_gateway_waits_a_moment_for_it() -> None:
    hub = Hub(HubLimits(resume_wait_ms=500))
    watching = make_client(hub)
    room = ("ticker", "A")
    hub.command(watching, Subscribe((room,)), 0)
    answer(hub, {"A": snapshot("A", 5)})
    sent(hub, watching, 0)
    client = make_client(hub)
    hub.command(client, Subscribe((room,), {room: 7}), 1000)
    assert sent(hub, client, 1001) == []
    feed(hub, delta("A", 5, 7), delta("A", 7, 8))
    assert [(each["type"], each["previous"]) for each in sent(hub, client, 1002)] == [("delta", 7)]
    late = make_client(hub)
    hub.command(late, Subscribe((room,), {room: 99}), 1000)
    assert [each["type"] for each in sent(hub, late, 1501)] == ["snapshot"]
    same = make_client(hub)
    hub.command(same, Subscribe((room,), {room: 8}), 1000)
    assert sent(hub, same, 1501) == [], "nothing was missed"


def test_bars_that_are_still_asked_for_deeper_come_when_they_are_there() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub, CANDLES), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    held = [decode_bar(json.dumps(bar(60_000 * n, n + 1, final=True)).encode()) for n in range(5)]
    hub.command(one, Subscribe((room,), bars=2), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, held[-2:], 0)
    sent(hub, one, 1)
    hub.command(two, Subscribe((room,), bars=5), 1)
    feed(hub, bar(300_000, 9, final=True))
    assert sent(hub, two, 2) == []
    for load in hub.take_loads(2):
        hub.loaded_bars(load, held, 2)
    assert len(sent(hub, two, 3)[0]["bars"]) == 5


def test_a_lagging_client_that_gets_all_bars_anew_keeps_no_final_ones() -> None:
    hub = Hub(HubLimits())
    client, fresh = make_client(hub, CANDLES), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    hub.command(client, Subscribe((room,), bars=1), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    sent(hub, client, 1)
    hub.delivery.hold(fresh, HELD_BY_TRANSPORT, 1)
    hub.command(fresh, Subscribe((room,), bars=1), 1)
    feed(hub, bar(0, 2, final=True))
    assert [each["type"] for each in sent(hub, client, 2)] == ["update"]
    assert not fresh.backlog
    hub.delivery.release(fresh, HELD_BY_TRANSPORT)
    assert [each["type"] for each in sent(hub, fresh, 3)] == ["initial"]


def test_one_room_alone_is_one_frame_for_those_who_can_take_it() -> None:
    hub = Hub(HubLimits())
    quick, slow = make_client(hub), make_client(hub)
    for client in (quick, slow):
        hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    for client in hub.flush(1):
        client.out.clear()
    hub.delivery.hold(slow, HELD_BY_TRANSPORT, 1)
    feed(hub, delta("A", 1, 2))
    assert hub.flush(2, grouped=True) == []
    ((frame, members),) = hub.take_groups()
    assert (json.loads(frame)["sequence"], members) == (2, [quick])
    hub.delivery.hold(quick, HELD_BY_TRANSPORT, 2)
    feed(hub, delta("A", 2, 3))
    assert (hub.flush(3, grouped=True), hub.take_groups()) == ([], [])


def test_an_entry_that_is_read_again_tells_no_time_and_a_bar_that_waits_no_message() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=1), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    sent(hub, client, 1)
    hub.apply(0, [decode_bar(json.dumps(bar(0, 2)).encode())], 0)
    assert len(sent(hub, client, 1000)) == 1
    assert hub.delivery.written_ms == []
    feed(hub, bar(0, 3))
    assert sent(hub, client, 1001) == []


def test_a_pause_answers_and_keeps_the_rest() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, Subscribe((("ticker", "A"),)), 0)
    hub.pause()
    answer(hub, {"A": snapshot("A", 1)})
    hub.receive(client, b'{"type":"ping"}', 1)
    assert [each["type"] for each in sent(hub, client, 1)] == ["pong"]
    hub.resume()
    assert [each["type"] for each in sent(hub, client, 2)] == ["snapshot"]


def test_a_client_without_budget_is_held_and_owes_nothing_for_what_it_did_not_get() -> None:
    hub = Hub(HubLimits(out_per_s=10))
    client = make_client(hub)
    hub.command(client, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 1)})
    sent(hub, client, 0)
    client.budget = 0
    feed(hub, delta("A", 1, 2), delta("A", 2, 3))
    assert sent(hub, client, 0) == []
    assert (client.held, client.budget) == (HELD_BY_BUDGET, 0)


def test_who_comes_from_a_gateway_that_is_ahead_gets_no_older_state() -> None:
    hub = Hub(HubLimits())
    first = make_client(hub)
    hub.command(first, Subscribe((("ticker", "A"),)), 0)
    answer(hub, {"A": snapshot("A", 7)})
    sent(hub, first, 0)
    second = make_client(hub)
    hub.command(second, Subscribe((("ticker", "A"),), since={("ticker", "A"): 9}), 1)
    assert sent(hub, second, 1) == []
    feed(hub, delta("A", 7, 9))
    assert sent(hub, second, 2) == []
    feed(hub, delta("A", 9, 10))
    assert [(each["type"], each["sequence"]) for each in sent(hub, second, 3)] == [("delta", 10)]


def test_a_message_reaches_whom_it_is_meant_for_and_who_may_see_its_symbols() -> None:
    hub = Hub(HubLimits())
    one = make_client(hub, ANALYTICS, user_id="one", may_see=lambda symbol: symbol == "A")
    two = make_client(hub, ANALYTICS, user_id="two", may_see=lambda symbol: symbol == "B")
    for client in (one, two):
        hub.command(client, Subscribe((("channel", "alerts"),)), 0)
    hub.publish(ChannelMessage("alerts", "alert", b'{"n":1}', 1, user="two"))
    hub.publish(ChannelMessage("alerts", "alert", b'{"n":2}', 1, symbols=("A",)))
    hub.publish(ChannelMessage("alerts", "alert", b'{"n":3}', 1))
    hub.flush(1)
    got = [
        [each["data"]["n"] for line in b"".join(client.out).splitlines() for each in json.loads(line)]
        for client in (one, two)
    ]
    assert got == [[2, 3], [1, 3]]
