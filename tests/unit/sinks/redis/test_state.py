"""The table behind deltas: what a shard published, cut into calls that the script takes."""

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from schemas.columns import BarBatch, TickerBatch
from schemas.names import RedisKeys
from sinks.redis.encode import KeyParts
from sinks.redis.state import MESSAGES_MAX, LiveUpdate, ShardState
from tests.unit.sinks.rows import MINUTE_US, START_US, bars, tickers


def state(finals_kept: int = 100) -> ShardState:
    return ShardState(KeyParts.of(RedisKeys()), finals_kept=finals_kept)


def update(new: TickerBatch | None = None, live: BarBatch | None = None, final: BarBatch | None = None) -> LiveUpdate:
    return LiveUpdate(0, new or tickers(), live or bars(), final or bars())


def elements(packed: bytes, fields: int) -> list[list[Any]]:
    flat = msgspec.msgpack.decode(packed) if packed else []
    return [flat[at : at + fields] for at in range(0, len(flat), fields)]


def published(shard: ShardState, change: LiveUpdate) -> tuple[list[list[Any]], list[list[Any]], list[list[Any]]]:
    ((finals, live, rows),) = shard.absorb(change)
    return elements(finals, 5), elements(live, 4), elements(rows, 9)


def test_first_message_of_a_symbol_is_a_snapshot_and_the_next_a_delta() -> None:
    shard = state()
    _, _, ((price, symbol, sequence, previous, snapshot, delta, exchange, first, last),) = published(
        shard, update(tickers({"sequence": 4, "exchange": 'a"b'}))
    )
    assert (price, symbol, sequence, previous, delta, exchange) == ("price:AAPL", "symbol:AAPL", 4, -1, "", 'a"b')
    assert json.loads(snapshot)["exchange"] == 'a"b'
    assert first == last == START_US // 1000
    _, _, ((_, _, sequence, previous, _, delta, *_),) = published(shard, update(tickers({"sequence": 6, "price": 2})))
    assert (sequence, previous) == (6, 4)
    assert json.loads(delta) == {
        "type": "delta", "symbol": "AAPL", "price": 2, "exchange": "XNAS", "timestamp": START_US // 1000,
        "sequence": 6, "previous": 4,
    }  # fmt: skip


def test_a_value_that_disappears_makes_a_snapshot() -> None:
    shard = state()
    published(shard, update(tickers({"sequence": 1, "bid": "1"})))
    _, _, ((_, _, _, previous, _, delta, *_),) = published(shard, update(tickers({"sequence": 2})))
    assert (previous, delta) == (-1, "")


def test_bars_carry_their_keys_and_guards() -> None:
    finals, live, _ = published(
        state(),
        update(live=bars({"interval": "5m", "version": 7}), final=bars({"symbol": "B/C", "version": 3, "final": 1})),
    )
    assert finals[0][:4] == ["candles:B/C:1m", "candle:B/C:1m", START_US // 1000, 3]
    assert live[0][:3] == ["candle:AAPL:5m", START_US // 1000, 7]
    assert json.loads(live[0][3])["interval"] == "5m"


def test_rows_keep_their_symbols_when_batches_number_them_differently() -> None:
    shard = state()
    published(shard, update(tickers({"symbol": "A", "sequence": 1}, {"symbol": "B", "sequence": 2})))
    _, _, rows = published(shard, update(tickers({"symbol": "B", "sequence": 3}, {"symbol": "A", "sequence": 4})))
    assert [(row[0], row[3]) for row in rows] == [("price:B", 2), ("price:A", 1)]


def test_of_updates_that_waited_together_every_final_bar_goes_out_and_the_latest_of_the_rest() -> None:
    shard, later_us = state(), START_US + MINUTE_US
    published(shard, update(tickers({"sequence": 1})))
    ((finals, live, rows),) = shard.absorb(
        update(tickers({"sequence": 2}, {"symbol": "B", "sequence": 3}), bars({"version": 2}, {"interval": "5m"})),
        update(tickers({"sequence": 4}), bars({"start_us": later_us, "version": 4}), bars({"version": 2, "final": 1})),
        update(final=bars({"symbol": "B", "version": 3, "final": 1})),
    )
    assert [row[:4:3] for row in elements(finals, 5)] == [["candles:AAPL:1m", 2], ["candles:B:1m", 3]]
    assert [row[:3] for row in elements(live, 4)] == [
        ["candle:AAPL:5m", START_US // 1000, 0],
        ["candle:AAPL:1m", later_us // 1000, 4],
    ]
    assert [(row[0], row[2], row[3]) for row in elements(rows, 9)] == [("price:B", 3, -1), ("price:AAPL", 4, 1)]


@pytest.mark.parametrize(("live_version", "kept_final"), [(5, True), (6, False)])
def test_a_bar_that_closed_while_it_waited_stays_closed_unless_a_later_trade_entered(
    live_version: int, kept_final: bool
) -> None:
    shard = state()
    live = update(live=bars({"version": live_version}))
    calls = list(shard.absorb(live, update(final=bars({"version": 5, "final": 1}))))
    assert [len(elements(packed, 4)) for _, packed, _ in calls] == [0 if kept_final else 1]
    ((finals, held, _),) = shard.everything()
    assert len(elements(finals, 5)) == 1
    assert [json.loads(row[3])["final"] for row in elements(held, 4)] == [kept_final]


@pytest.mark.compiled
def test_more_symbols_than_the_table_held() -> None:
    shard = state()
    names = [f"S{number}" for number in range(200)]
    fields = [{"symbol": name, "sequence": 1} for name in names]
    assert [row[0] for row in published(shard, update(tickers(*fields)))[2]] == [f"price:{name}" for name in names]
    assert {row[3] for row in published(shard, update(tickers(*[{**f, "sequence": 2} for f in fields])))[2]} == {1}


@pytest.mark.compiled
def test_a_large_update_is_cut_into_calls() -> None:
    count = MESSAGES_MAX + 10
    starts = [START_US + MINUTE_US * number for number in range(count)]
    change = update(
        tickers({"sequence": 1}),
        bars(*[{"interval": name} for name in ("1m", "5m")]),
        bars(*[{"start_us": start, "final": 1} for start in starts]),
    )
    calls = list(state().absorb(change))
    sizes = [tuple(len(elements(part, n)) for part, n in zip(call, (5, 4, 9), strict=True)) for call in calls]
    assert sizes == [(MESSAGES_MAX, 0, 0), (10, 2, 1)]


def test_everything_is_the_newest_of_each_key_and_the_last_final_bars() -> None:
    shard = state(finals_kept=2)
    published(shard, update(tickers({"sequence": 1}), bars({"version": 1}), bars()))
    for number in range(4):
        start = START_US + number * MINUTE_US
        published(
            shard,
            update(
                tickers({"sequence": 10 + number}),
                bars({"start_us": start + MINUTE_US, "version": 11 + number}),
                bars({"start_us": start, "version": 10 + number, "final": 1}),
            ),
        )
    ((finals, live, rows),) = shard.everything()
    assert [row[3] for row in elements(finals, 5)] == [12, 13]
    assert [row[2] for row in elements(live, 4)] == [14]
    assert [(row[2], row[3]) for row in elements(rows, 9)] == [(13, -1)]


def test_final_bars_that_are_not_kept_take_no_memory() -> None:
    shard = state(finals_kept=2)
    rows = bars({"final": 1}).rows.repeat(20_000)
    tracemalloc.start()
    try:
        for _ in shard.absorb(update(final=BarBatch(("AAPL",), rows))):
            pass
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < rows.nbytes / 10


def test_nothing_gives_no_call() -> None:
    assert list(state().absorb(update())) == []
    assert list(state().everything()) == []


def test_a_sequence_that_lua_cannot_hold_is_our_defect() -> None:
    with pytest.raises(AssertionError, match="source epoch"):
        list(state().absorb(update(tickers({"sequence": 1 << 53}))))


def test_a_bar_that_ends_without_a_trade_is_held_as_final() -> None:
    shard = state()
    for change in (update(live=bars({"version": 3})), update(final=bars({"version": 3, "final": 1}))):
        list(shard.absorb(change))
    ((_, held, _),) = shard.everything()
    assert [json.loads(row[3])["final"] for row in elements(held, 4)] == [True]
