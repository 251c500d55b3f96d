"""The hub's promises one by one; tests/property/test_hub_consistency.py holds them together under random faults."""

import json

import pytest

from core.fanout.client import HubLimits
from core.fanout.dialect import ALL_BARS, Ping, Subscribe, Unsubscribe
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
    hub.command(client, TICKER, 0)
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
