"""The hub's promises one by one; tests/property/test_hub_consistency.py holds them together under random faults."""

import json

import pytest

from core.fanout.client import HELD_BY_TRANSPORT, HubLimits
from core.fanout.dialect import ALL_BARS, Follow, Ping, Subscribe, Unfollow, Unsubscribe
from core.fanout.hub import Hub
from core.fanout.messages import ChannelMessage, decode_bar, decode_ticker
from tests.unit.core.fanout.words import ANALYTICS, CANDLES, answer, bar, delta, feed, make_client, sent, snapshot

TICKER = Subscribe((("ticker", "A"),))


def test_deltas_that_came_while_loading_are_applied_to_the_snapshot() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    loads = hub.take_loads(0)
    feed(hub, delta("A", 5, 6), delta("A", 6, 7))
    assert sent(hub, client, 1) == []
    for load in loads:
        hub.load_failed(load, 0)
    assert answer(hub, {"A": snapshot("A", 5)}, now_ms=1000) == 1
    assert [(each["type"], each["sequence"]) for each in sent(hub, client, 2)] == [("snapshot", 7)]
    feed(hub, delta("A", 7, 8))
    assert [each["sequence"] for each in sent(hub, client, 20)] == [8]


def test_a_delta_older_than_the_snapshot_is_not_sent() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    answer(hub, {"A": snapshot("A", 9)})
    sent(hub, client, 1)
    feed(hub, delta("A", 7, 8), delta("A", 8, 9), delta("A", 9, 10))
    assert [each["sequence"] for each in sent(hub, client, 2)] == [10]


def test_an_answer_from_before_a_reset_is_void() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    for command in (TICKER, Follow(("l",)), Unfollow(("l",))):
        hub.command(client, command, 0)
    (load,) = hub.take_loads(0)
    hub.reset(new_epoch=True)
    hub.loaded_ticker(load, decode_ticker(b'{"type":"snapshot","symbol":"A","sequence":99}'), 0, 1)
    assert sent(hub, client, 1) == []
    answer(hub, {"A": snapshot("A", 2)})
    assert [each["sequence"] for each in sent(hub, client, 2)] == [2]


def test_a_load_below_what_clients_hold_is_asked_again() -> None:
    hub = Hub(HubLimits(reload_ms=100))
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    answer(hub, {"A": snapshot("A", 9)})
    sent(hub, client, 1)
    hub.reset(0)
    assert answer(hub, {"A": snapshot("A", 5)}, 1) == 1
    assert sent(hub, client, 2) == []
    assert answer(hub, {"A": snapshot("A", 9)}, 50) == 0, "not at once"
    assert answer(hub, {"A": snapshot("A", 9)}, 101) == 1
    assert len(sent(hub, client, 102)) == 1


def test_demand_tells_only_first_and_last_watchers() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub), make_client(hub, CANDLES)
    hub.command(one, TICKER, 0)
    hub.command(two, Subscribe((("bars", "A", "1m", ALL_BARS), ("bars", "A", "5m", ALL_BARS))), 0)
    assert set(hub.watched) == {"A"}
    hub.command(one, Unsubscribe(TICKER.rooms), 0)
    assert set(hub.watched) == {"A"}
    hub.disconnect(two)
    assert not hub.watched
    assert not list(hub.registry.all())


def test_too_many_messages_close_with_4008_and_pings_are_answered_before() -> None:
    hub = Hub(HubLimits(in_per_s=1))
    client = make_client(hub)
    for _ in range(4):
        hub.receive(client, b'{"type":"ping"}', 0)
    assert [each["type"] for each in sent(hub, client, 1)] == ["pong"] * 4
    hub.receive(client, b'{"type":"ping"}', 0)
    assert [code for _client, code, _reason in hub.take_closes()] == [4008]
    assert client not in hub.clients


@pytest.mark.parametrize(("allowed", "count"), [(True, 1), (False, 0)])
def test_channels_are_joined_by_permission(allowed: bool, count: int) -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, ANALYTICS, may_join=lambda _channel: allowed)
    hub.command(client, Subscribe((("channel", "alerts"),)), 0)
    hub.publish(ChannelMessage("alerts", "alert", b"{}", 1))
    got = [each[0]["type"] for each in sent(hub, client, 1)]
    assert got.count("alert") == count
    assert got.count("error") == 1 - count


def test_a_pause_holds_data_back_and_answers_pings() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    answer(hub, {"A": snapshot("A", 1)})
    sent(hub, client, 1)
    hub.pause()
    feed(hub, delta("A", 1, 2))
    hub.command(client, Ping(), 2)
    assert [each["type"] for each in sent(hub, client, 2)] == ["pong"]
    hub.resume()
    assert [(each["type"], each["sequence"]) for each in sent(hub, client, 3)] == [("snapshot", 2)]


def test_bars_asked_for_later_and_deeper_are_loaded_again() -> None:
    hub = Hub(HubLimits())
    first, second = make_client(hub, CANDLES), make_client(hub, CANDLES)
    held = [decode_bar(b'{"type":"bar","symbol":"A","interval":"1m","time":%d,"sequence":1}' % at) for at in range(9)]
    hub.command(first, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=2), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, held[-load.bars :], 0)
    assert len(sent(hub, first, 1)[0]["bars"]) == 2
    hub.command(second, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=5), 1)
    assert sent(hub, second, 2) == []
    for load in hub.take_loads(2):
        hub.loaded_bars(load, held[-load.bars :], 0)
    assert len(sent(hub, second, 3)[0]["bars"]) == 5
    assert sent(hub, first, 2000) == []


@pytest.mark.parametrize("asked", [0, 1])
@pytest.mark.parametrize("fault", ["pause", "reset"])
def test_bars_that_end_in_a_gap_reach_those_who_asked_for_few(asked: int, fault: str) -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=asked), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, (), 0)
    feed(hub, bar(0, 1))
    sent(hub, client, 1)
    missed = [bar(0, 2, final=True), bar(60_000, 3, final=True), bar(120_000, 4)]
    if fault == "pause":
        hub.pause()
        feed(hub, *missed)
        hub.resume()
    else:
        hub.reset(0)
        for load in hub.take_loads(1):
            assert load.bars >= 100
            hub.loaded_bars(load, [decode_bar(json.dumps(each).encode()) for each in missed], 0)
    got = [each["bars"] for each in sent(hub, client, 2)]
    assert [[each["final"] for each in bars] for bars in got] == [[True, True, False]]
    hub.reset(0)
    for load in hub.take_loads(3):
        hub.loaded_bars(load, [decode_bar(json.dumps(each).encode()) for each in missed], 0)
    got = [each["bars"] for each in sent(hub, client, 4)]
    assert [[each["final"] for each in bars] for bars in got] == [[False]], "no more than it is owed"


def test_after_a_long_gap_redis_is_asked_for_all_that_it_holds() -> None:
    hub = Hub(HubLimits(bars_max=300))
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=0), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, (), 0)
    feed(hub, bar(0, 1))
    sent(hub, client, 1)
    hub.reset(0)
    held = [decode_bar(json.dumps(bar(60_000 * n, n + 1, final=True)).encode()) for n in range(250)]
    asked = []
    for now_ms in (1, 2):
        for load in hub.take_loads(now_ms):
            asked.append(load.bars)
            hub.loaded_bars(load, held[-load.bars :], 0)
        got = sent(hub, client, now_ms)
    assert asked == [100, 300]
    assert len(got[0]["bars"]) == 250


def alerts(hub: Hub, *numbers: int) -> None:
    for number in numbers:
        hub.publish(ChannelMessage("alerts", "alert", b'{"n":%d}' % number, 1))


def test_who_has_left_is_heard_no_more() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"), ("channel", "alerts"))), 0)
    hub.command(client, Unsubscribe((("channel", "alerts"), ("channel", "never"), ("ticker", "A"))), 0)
    alerts(hub, 1)
    sent(hub, client, 1)
    assert (client.rooms, hub.busy) == ({}, False)
    hub.disconnect(client)
    hub.disconnect(client)
    hub.receive(client, b"{}", 2)
    assert hub.flush(2) == []


def test_what_is_no_message_costs_more_than_one() -> None:
    hub = Hub(HubLimits(in_per_s=2))
    client = make_client(hub)
    hub.receive(client, b"rubbish", 0)
    assert [each["type"] for each in sent(hub, client, 1)] == ["error"]
    hub.receive(client, b"rubbish", 0)
    hub.receive(client, b"rubbish", 0)
    assert [code for _client, code, _reason in hub.take_closes()] == [4008]


def test_symbols_beyond_the_limit_or_the_token_are_refused_by_name() -> None:
    hub = Hub(HubLimits(symbols_max=2))
    client = make_client(hub, may_see=lambda symbol: symbol != "HIDDEN")
    rooms = tuple(("ticker", symbol) for symbol in ("A", "HIDDEN", "B", "C", "A"))
    hub.command(client, Subscribe(rooms), 0)
    assert sorted(hub.watched) == ["A", "B"]
    errors = {each["code"]: each["message"] for each in sent(hub, client, 1)}
    assert sorted(errors) == ["FORBIDDEN_SYMBOL", "SUBSCRIPTION_LIMIT"]
    assert errors["FORBIDDEN_SYMBOL"].endswith("HIDDEN")
    hub.command(client, Unsubscribe((("ticker", "A"),)), 0)
    hub.command(client, Subscribe((("ticker", "C"),)), 0)
    assert sorted(hub.watched) == ["B", "C"]


def test_a_hole_in_the_stream_brings_a_whole_state() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, Subscribe((("ticker", "A"), ("ticker", "B"))), 0)
    answer(hub, {"A": snapshot("A", 1), "B": snapshot("B", 1)})
    sent(hub, client, 1)
    feed(hub, delta("A", 5, 6), delta("C", 5, 6))
    assert hub.delivery.counts["gaps"] == 1
    assert hub.wants_loads
    feed(hub, delta("A", 6, 7))
    assert answer(hub, {"A": snapshot("A", 6)}, 2) == 1
    assert [(each["symbol"], each["type"], each["sequence"]) for each in sent(hub, client, 2)] == [("A", "snapshot", 7)]
    hub.reset(1)
    assert not hub.wants_loads, "another shard's hole is nothing to them"


def test_an_answer_for_a_room_that_is_gone_or_moved_on_is_no_answer() -> None:
    hub = Hub(HubLimits(reload_ms=100))
    client, candles = make_client(hub), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    hub.command(client, TICKER, 0)
    hub.command(candles, Subscribe((room,), bars=3), 0)
    ticker, bars = hub.take_loads(0)
    feed(hub, snapshot("A", 7))
    hub.loaded_ticker(ticker, None, -1, 1)
    assert [each["sequence"] for each in sent(hub, client, 1)] == [7], "the stream had it"
    hub.reset(0)
    hub.loaded_bars(bars, (), 1)
    assert sent(hub, candles, 1) == [], "what was asked before the reset"
    again = hub.take_loads(1)
    hub.disconnect(client)
    hub.disconnect(candles)
    for load in again:
        hub.load_failed(load, 2)
        hub.loaded_bars(load, (), 2)
        hub.loaded_ticker(load, None, 0, 2)
    assert hub.take_loads(1000) == []
    hub.command(client := make_client(hub), Subscribe((("ticker", "B"),)), 0)
    (untraded,) = hub.take_loads(0)
    hub.disconnect(client)
    hub.loaded_ticker(untraded, decode_ticker(b'{"type":"snapshot","symbol":"B","sequence":3}'), 0, 1)
    assert "B" not in hub.registry.tickers


def test_a_symbol_that_begins_to_trade_while_redis_is_asked_is_asked_for_again() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub), make_client(hub)
    hub.command(one, TICKER, 0)
    (load,) = hub.take_loads(0)
    feed(hub, delta("A", 1, 2))
    hub.loaded_ticker(load, None, 0, 1)
    assert sent(hub, one, 1) == []
    hub.command(two, TICKER, 1)
    assert answer(hub, {"A": snapshot("A", 2)}, 2) == 1
    assert [each["sequence"] for each in sent(hub, one, 2)] == [2]
    assert [each["sequence"] for each in sent(hub, two, 2)] == [2]


def test_who_comes_later_to_a_symbol_that_never_traded_is_told_alone() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub), make_client(hub)
    for client in (one, two):
        hub.command(client, TICKER, 0)
        answer(hub, {})
    assert [each["code"] for each in sent(hub, one, 1)] == ["INVALID_SYMBOL"]
    assert [each["code"] for each in sent(hub, two, 1)] == ["INVALID_SYMBOL"]


def test_a_deeper_load_waits_for_the_one_under_way() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub, CANDLES), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    hub.command(one, Subscribe((room,), bars=1), 0)
    (first,) = hub.take_loads(0)
    hub.command(two, Subscribe((room,), bars=4), 0)
    assert hub.take_loads(0) == []
    held = [decode_bar(json.dumps(bar(60_000 * n, n + 1, final=True)).encode()) for n in range(4)]
    hub.loaded_bars(first, held[-1:], 0)
    (second,) = hub.take_loads(0)
    assert second.bars == 4
    hub.loaded_bars(second, held, 0)
    assert len(sent(hub, two, 1)[-1]["bars"]) == 4


def test_loads_are_taken_so_many_at_a_time() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, Subscribe(tuple(("ticker", f"S{number}") for number in range(5))), 0)
    assert [len(hub.take_loads(0, 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_channel_messages_of_a_pause_wait_up_to_a_limit() -> None:
    hub = Hub(HubLimits(buffer=2), lossless=("alerts",))
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"), ("channel", "lp"))), 0)
    sent(hub, client, 0)
    hub.pause()
    hub.pause()
    alerts(hub, 1, 2, 3)
    for number in range(4):
        hub.publish(ChannelMessage("lp", "lp", b'{"n":%d}' % number, 1))
    assert (hub.busy, hub.urgent, sent(hub, client, 1)) == (False, False, [])
    hub.resume()
    hub.resume()
    got = [(each["type"], each["data"]["n"]) for array in sent(hub, client, 2) for each in array]
    assert got == [("alert", 1), ("alert", 2), ("alert", 3), ("lp", 2), ("lp", 3)]
    assert hub.delivery.counts["backlog_dropped"] == 2


def test_a_full_batch_of_a_channel_is_urgent() -> None:
    hub = Hub(HubLimits(batch_max=2))
    client = make_client(hub, ANALYTICS)
    hub.command(client, Subscribe((("channel", "alerts"),)), 0)
    alerts(hub, 1)
    assert not hub.urgent
    alerts(hub, 2)
    assert hub.urgent
    alerts(hub, 3)
    assert [len(array) for array in sent(hub, client, 1)] == [2, 1]


def test_a_backlog_of_before_a_pause_comes_after_it_and_lagging_clients_start_anew() -> None:
    hub = Hub(HubLimits())
    slow, idle = make_client(hub, CANDLES), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    hub.command(slow, Subscribe((room,), bars=2), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    sent(hub, slow, 1)
    hub.delivery.hold(slow, HELD_BY_TRANSPORT, 1)
    feed(hub, bar(0, 2, final=True))
    hub.flush(2)
    hub.pause()
    feed(hub, bar(60_000, 3))
    hub.resume()
    hub.command(idle, Subscribe((room,), bars=2), 3)
    hub.delivery.release(slow, HELD_BY_TRANSPORT)
    (initial,) = sent(hub, slow, 2000)
    assert [(each["time"][14:19], each["final"]) for each in initial["bars"]] == [("00:00", True), ("01:00", False)]


def test_a_live_bar_that_waited_goes_out_when_its_time_has_come() -> None:
    hub = Hub(HubLimits(bar_update_ms=1000))
    client = make_client(hub, CANDLES)
    hub.command(client, Subscribe((("bars", "A", "1m", ALL_BARS),), bars=1), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    sent(hub, client, 1)
    for sequence in (2, 3):
        feed(hub, bar(0, sequence))
        sent(hub, client, 1000 + sequence)
    assert sent(hub, client, 1500) == []
    assert [each["type"] for each in sent(hub, client, 2002)] == ["update"]
    assert hub.last_broadcast_ms == 2002
    feed(hub, {**bar(0, 3), "close": 1})
    assert sent(hub, client, 9000) == [], "nothing new"


def test_one_room_alone_goes_out_as_one_frame_for_all() -> None:
    hub = Hub(HubLimits())
    clients = [make_client(hub) for _ in range(3)]
    for client in clients:
        hub.command(client, Subscribe((("ticker", "A"), ("ticker", "B"))), 0)
    answer(hub, {"A": snapshot("A", 1), "B": snapshot("B", 1)})
    for client in hub.flush(1):
        client.out.clear()
    feed(hub, delta("A", 1, 2))
    assert hub.flush(2, grouped=True) == []
    ((frame, members),) = hub.take_groups()
    assert (json.loads(frame)["sequence"], members) == (2, clients)
    feed(hub, delta("A", 2, 3), delta("B", 1, 2))
    assert hub.flush(3, grouped=True) == clients
    assert hub.take_groups() == []


def test_who_comes_back_has_a_moment_in_which_a_gateway_that_is_behind_may_catch_up() -> None:
    hub = Hub(HubLimits(resume_wait_ms=300))
    client = make_client(hub)
    hub.command(client, Subscribe(TICKER.rooms, {TICKER.rooms[0]: 5}), 1000)
    assert client.resume_until_ms == 1300
    hub.command(client, TICKER, 2000)
    assert client.resume_until_ms == 1300


def test_a_room_lives_as_long_as_somebody_is_in_it() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub), make_client(hub)
    for client in (one, two):
        hub.command(client, TICKER, 0)
    hub.disconnect(one)
    assert [load.key for load in hub.take_loads(0)] == [("ticker", "A")]
    hub.reset(0)
    hub.disconnect(two)
    assert hub.take_loads(1000) == []
    feed(hub, snapshot("A", 1))
    hub.reset(0)
    assert not hub.wants_loads, "nobody waits for it"


def test_what_redis_knew_before_the_stream_said_it_is_sent() -> None:
    hub = Hub(HubLimits())
    one, two = make_client(hub, CANDLES), make_client(hub, CANDLES)
    room = ("bars", "A", "1m", ALL_BARS)
    hub.command(one, Subscribe((room,), bars=1), 0)
    for load in hub.take_loads(0):
        hub.loaded_bars(load, [decode_bar(json.dumps(bar(0, 1)).encode())], 0)
    sent(hub, one, 1)
    hub.command(two, Subscribe((room,), bars=3), 1)
    ahead = [decode_bar(json.dumps(each).encode()) for each in (bar(0, 2, final=True), bar(60_000, 3))]
    for load in hub.take_loads(1):
        hub.loaded_bars(load, ahead, 1)
    got = [(each["bar"]["time"][14:19], each["bar"]["final"]) for each in sent(hub, one, 2000)]
    assert got == [("00:00", True), ("01:00", False)]


def test_a_channel_that_is_joined_again_by_one_who_is_behind_loses_nothing() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub, ANALYTICS)
    channel = Subscribe((("channel", "alerts"),))
    hub.command(client, channel, 0)
    sent(hub, client, 0)
    hub.delivery.hold(client, HELD_BY_TRANSPORT, 0)
    alerts(hub, 1)
    hub.flush(1)
    hub.command(client, channel, 1)
    hub.delivery.release(client, HELD_BY_TRANSPORT)
    assert [[each["data"]["n"] for each in array] for array in sent(hub, client, 2)] == [[1]]


def test_who_waited_for_a_whole_state_still_does_after_a_pause() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.resume()
    hub.command(client, TICKER, 0)
    hub.pause()
    hub.resume()
    assert answer(hub, {"A": snapshot("A", 1)}) == 1
    assert [each["sequence"] for each in sent(hub, client, 1)] == [1]


def test_what_nobody_waits_for_any_more_is_not_asked_for() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    feed(hub, snapshot("A", 1))
    hub.reset(0)
    (load,) = hub.take_loads(0)
    feed(hub, delta("A", 1, 2))
    hub.disconnect(client)
    hub.reset(0)
    hub.loaded_ticker(load, None, 0, 1)
    assert hub.wants_loads
    assert hub.take_loads(1) == []
    assert not hub.wants_loads


def test_after_redis_was_emptied_sequences_may_start_again() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    answer(hub, {"A": snapshot("A", 9)})
    sent(hub, client, 1)
    hub.reset(new_epoch=True)
    answer(hub, {"A": snapshot("A", 2)}, 2)
    assert [each["sequence"] for each in sent(hub, client, 2)] == [2]


def test_a_hole_in_any_stream_concerns_a_room_whose_stream_is_not_known() -> None:
    hub = Hub(HubLimits())
    client = make_client(hub)
    hub.command(client, TICKER, 0)
    (load,) = hub.take_loads(0)
    hub.loaded_ticker(load, decode_ticker(b'{"type":"snapshot","symbol":"A","sequence":9}'), -1, 0)
    assert hub.registry.tickers["A"].shard == -1
    hub.reset(3)
    assert [load.key for load in hub.take_loads(1)] == [("ticker", "A")]
