"""Rooms come and go; histories share one limit."""

from core.fanout.dialect import ALL_BARS, FINAL_BARS
from core.fanout.messages import decode_batch
from core.fanout.registry import MESSAGE_BYTES, Registry
from core.fanout.rooms import TickerRoom


def fill(registry: Registry, symbol: str) -> TickerRoom:
    room = registry.ticker(symbol)
    (message,) = decode_batch(b'[{"type":"delta","symbol":"%s","sequence":2,"previous":1}]' % symbol.encode())
    room.apply(message)  # type: ignore[arg-type]
    registry.remember([message])  # type: ignore[list-item]
    return room


def test_the_oldest_messages_of_all_go_first() -> None:
    registry = Registry(130 + 2 * MESSAGE_BYTES, ())
    first, second = fill(registry, "A"), fill(registry, "B")
    assert first.history
    third = fill(registry, "C")
    assert (len(first.history), len(second.history), len(third.history)) == (0, 1, 1)
    assert (first.floor, second.floor) == (2, -1), "an answer of Redis from before it would lead nowhere"
    held = sum(len(room.history[0].raw) for room in (second, third))
    assert registry.history_bytes == held + 2 * MESSAGE_BYTES
    third.forget()
    fourth = fill(registry, "D")
    assert (len(second.history), len(fourth.history)) == (0, 1), "what a room let go of counts until its turn comes"


def test_a_quiet_symbol_is_remembered_as_long_as_a_busy_one() -> None:
    registry = Registry(100 * (70 + MESSAGE_BYTES), ())
    quiet, busy = fill(registry, "QUIET"), registry.ticker("BUSY")
    for sequence in range(2, 90):
        (message,) = decode_batch(
            b'[{"type":"delta","symbol":"BUSY","sequence":%d,"previous":%d}]' % (sequence, sequence - 1)
        )
        busy.apply(message)  # type: ignore[arg-type]
        registry.remember([message])  # type: ignore[list-item]
    assert (len(quiet.history), len(busy.history)) == (1, 88)


def test_strangers_and_bars_are_dropped_and_known_tickers_stay() -> None:
    registry = Registry(1000, ("alerts",))
    stranger, bars, known = (
        registry.make(("ticker", "X")),
        registry.make(("bars", "X", "1m", ALL_BARS)),
        fill(registry, "A"),
    )
    assert registry.make(("bars", "X", "1m", ALL_BARS)) is bars
    for room in (stranger, bars, known):
        registry.drop(room)
    assert list(registry.all()) == [known]
    assert registry.make(("channel", "alerts")) is registry.find(("channel", "alerts"))


def test_a_room_is_found_by_what_it_is_about() -> None:
    registry = Registry(1000, ())
    ticker, channel = registry.make(("ticker", "A")), registry.make(("channel", "lp"))
    minute = registry.make(("bars", "A", "1m", ALL_BARS))
    finals = registry.make(("bars", "A", "1m", FINAL_BARS))
    assert registry.find(("ticker", "A")) is registry.make(("ticker", "A")) is ticker
    assert registry.find(("channel", "lp")) is channel
    assert registry.find(("bars", "A", "5m", ALL_BARS)) is None
    assert list(registry.bars_of("A", "1m")) == [finals, minute]
    assert registry.has_bars("A", "1m")
    assert not registry.has_bars("B", "1m")
    assert list(registry.all()) == [ticker, minute, finals, channel]


def test_a_channel_stays_though_nobody_is_in_it() -> None:
    registry = Registry(1000, ("alerts",))
    alerts = registry.make(("channel", "alerts"))
    registry.drop(alerts)
    assert registry.find(("channel", "alerts")) is alerts
    assert alerts.lossless  # type: ignore[attr-defined]


def test_messages_of_a_room_that_is_gone_count_until_their_turn() -> None:
    registry = Registry(MESSAGE_BYTES + 70, ())
    room = fill(registry, "A")
    room.forget()
    registry.drop(room)
    assert registry.find(("ticker", "A")) is None
    fill(registry, "B")
    assert registry.history_bytes < 2 * MESSAGE_BYTES


def test_histories_may_fill_their_limit() -> None:
    size = len(b'[{"type":"delta","symbol":"A","sequence":2,"previous":1}]') - 2 + MESSAGE_BYTES
    registry = Registry(2 * size, ())
    assert [len(room.history) for room in (fill(registry, "A"), fill(registry, "B"))] == [1, 1]
    assert registry.history_bytes == 2 * size
    assert registry.tickers["A"].history
