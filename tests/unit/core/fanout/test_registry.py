"""Rooms come and go; histories share one limit."""

from core.fanout.dialect import ALL_BARS
from core.fanout.messages import decode_batch
from core.fanout.registry import Registry
from core.fanout.rooms import TickerRoom


def fill(registry: Registry, symbol: str) -> TickerRoom:
    room = registry.ticker(symbol)
    before = room.history_bytes
    (message,) = decode_batch(b'[{"type":"delta","symbol":"%s","sequence":2,"previous":1}]' % symbol.encode())
    room.apply(message)  # type: ignore[arg-type]
    registry.account(room, before)
    return room


def test_the_longest_unchanged_history_goes_first() -> None:
    registry = Registry(10, 130, ())
    first, second = fill(registry, "A"), fill(registry, "B")
    assert first.history
    third = fill(registry, "C")
    assert (len(first.history), len(second.history), len(third.history)) == (0, 1, 1)
    assert registry.history_bytes == second.history_bytes + third.history_bytes


def test_strangers_and_bars_are_dropped_and_known_tickers_stay() -> None:
    registry = Registry(10, 1000, ("alerts",))
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
