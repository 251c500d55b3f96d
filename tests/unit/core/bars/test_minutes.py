"""Bars made of parts: whatever the cut, they equal bars that each trade entered by itself."""

from decimal import Decimal

import numpy as np
import pytest

from core.bars.bar_state import BAR_STATE, BarStateRows, add_trade, start_bar
from core.bars.minutes import LEAST_START, grown_minutes, join_bar, new_minutes, span_minute
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.snapshot import restore, snapshot
from kernels.wide import multiply94
from oracle.truth import OracleTrade
from schemas.columns import BUY, LENGTHS_US, NO_ID, ORIGINS_US, TRADE, TradeRows
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch

MINUTE_US = 60_000_000


def some_trades(seed: int, count: int = 12) -> TradeRows:
    """Trades that are often level in time and id, some of numbers beyond 64 bits, a few without an id."""
    random = np.random.default_rng(seed)
    trades = np.zeros(count, TRADE)
    trades["offset"] = np.sort(random.integers(0, count // 2, count))
    trades["event_time_us"] = MONDAY_US + random.integers(0, 3, count)
    for name in ("price", "size"):
        trades[f"{name}_hi"] = random.integers(0, 2, count) * random.integers(0, 2**28, count)
        trades[f"{name}_lo"] = random.integers(1, 2**64, count, np.uint64)
    trades["trade_id_number"] = random.integers(0, 3, count)
    trades["trade_id_number"][random.random(count) < 0.1 * (seed % 2)] = NO_ID
    trades["side"] = random.integers(0, 3, count)
    return trades


def added(bar: BarStateRows, trades: TradeRows) -> BarStateRows:
    """``bar``, BAR_STATE[1], with the trades, one by one."""
    for trade in trades:
        price, size = ((np.uint64(trade[f"{name}_hi"]), trade[f"{name}_lo"]) for name in ("price", "size"))
        notional, square = (tuple(map(np.uint64, multiply94(*price, *other))) for other in (size, price))
        add_trade(bar[0], trade, notional, square, bool(trade["side"] == BUY), int(trade["offset"]))
    return bar


def new_bar() -> BarStateRows:
    bar = np.zeros(1, BAR_STATE)
    start_bar(bar[0], 0, 0, MONDAY_US, MONDAY_US + MINUTE_US)
    return bar


@pytest.mark.parametrize("seed", range(60))
def test_a_bar_of_two_parts_is_the_bar_of_their_trades(seed: int) -> None:
    trades = some_trades(seed)
    for cut in (0, 1, 5, 11):
        bar = added(new_bar(), trades[:cut])
        join_bar(bar[0], added(new_bar(), trades[cut:])[0])
        whole = added(new_bar(), trades)
        for name in BAR_STATE.names or ():
            assert (bar[name] == whole[name]).all(), (name, cut)


def test_sums_of_parts_carry_into_their_highest_limb() -> None:
    bar, part = new_bar(), new_bar()
    for row in (bar, part):
        row["quote3"], row["square3"] = 5, 7
        for limb in range(3):
            row[f"quote{limb}"] = row[f"square{limb}"] = 2**64 - 1
    join_bar(bar[0], part[0])
    assert (bar["quote3"][0], bar["square3"][0], bar["quote0"][0]) == (11, 15, 2**64 - 2)


def test_a_minute_spans_what_lies_in_one_bar_of_every_interval() -> None:
    rows = np.zeros(1, BAR_STATE)
    for time_us, start_us in ((MONDAY_US + 61_000_000, MINUTE_US), (MONDAY_US + MINUTE_US, MINUTE_US), (MONDAY_US, 0)):
        span_minute(rows[0], 3, time_us, LENGTHS_US, ORIGINS_US)
        assert (rows["start_us"][0], rows["end_us"][0]) == (MONDAY_US + start_us, MONDAY_US + start_us + MINUTE_US)
        assert (rows["symbol"][0], rows["trade_count"][0]) == (3, 0)
    lengths_us = np.array([MINUTE_US, 90_000_000], np.int64)
    span_minute(rows[0], 3, 95_000_000, lengths_us, np.zeros(2, np.int64))
    assert (rows["start_us"][0], rows["end_us"][0]) == (90_000_000, 120_000_000)


def test_more_symbols_keep_what_there_is() -> None:
    minutes = new_minutes(1)
    minutes.filled[0], minutes.rows["version"][0], minutes.registers[LEAST_START] = 1, 9, 8
    more = grown_minutes(minutes, 3)
    assert (more.filled.tolist(), more.rows["version"].tolist(), more.registers.tolist()) == ([1, 0, 0], [9, 0, 0], [8])


def trade(offset: int, seconds: int, symbol: str = "A") -> OracleTrade:
    return OracleTrade(3, offset, 0, MONDAY_US + seconds * 1_000_000, symbol, Decimal(5), Decimal(1))


def test_trades_wait_for_a_look_and_one_elsewhere_puts_them_into_their_bars() -> None:
    shard = Shard(Rules())
    shard.apply(to_batch([trade(0, 1), trade(1, 2), trade(2, 1, "B")]))
    assert (shard.minutes.rows["trade_count"][:2].tolist(), shard.minutes.filled[:2].tolist()) == ([2, 1], [1, 1])
    shard.apply(to_batch([trade(3, 61)]))
    assert (shard.minutes.rows["trade_count"][0], bool(shard.pool.changed.any())) == (1, True)
    assert len(shard.open_bars()) == 2 * len(INTERVALS) + 1
    assert not shard.minutes.filled.any()


def test_a_trade_for_a_bar_that_the_clock_ended_does_not_wait_even_after_recovery() -> None:
    rules = Rules(out_of_order_us=60_000_000)
    shard = Shard(rules)
    shard.apply(to_batch([trade(0, 1)]))
    assert len(shard.announce(MONDAY_US + MINUTE_US)) == 1
    for each in (restore(snapshot(shard), rules), shard):
        each.apply(to_batch([trade(1, 2)]))
        assert bars_of(each.take_final())["A", "1m", MONDAY_US]["trade_count"] == 2
        each.apply(to_batch([trade(2, 62)]))
        assert each.minutes.filled[0]
