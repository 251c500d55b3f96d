"""Closing, sealing, announcing, growing: what a shard publishes and when."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.shard_kernel import NEVER
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleTrade
from schemas.columns import TRADE, TradeBatch
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch

SECOND_US = 1_000_000
RULES = Rules(out_of_order_us=5 * SECOND_US, lateness_us=(60 * SECOND_US,) * len(INTERVALS))


def at(offset: int, seconds: int, price: str = "10", symbol: str = "A", trade_id: str = "") -> OracleTrade:
    return OracleTrade(
        3, offset, 0, MONDAY_US + seconds * SECOND_US, symbol, Decimal(price), Decimal(1), trade_id=trade_id
    )


def test_a_bar_closes_when_the_watermark_reaches_its_end_and_not_before() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 64)]))
    assert len(shard.take_final()) == 0
    shard.apply(to_batch([at(2, 65)]))
    assert bars_of(shard.take_final()).keys() == {("A", "1m", MONDAY_US)}
    assert len(shard.take_final()) == 0


def test_a_log_that_began_anew_has_a_left_edge_at_its_first_record() -> None:
    anew = replace(RULES, source_epoch=1)
    shard = Shard(anew)
    shard.apply(TradeBatch("trades", 3, np.empty(0, TRADE), b"", 0, 0))
    shard.apply(to_batch([at(0, 1), at(1, 70)]))
    assert shard.left_edge_us == MONDAY_US + 6 * SECOND_US
    assert restore(snapshot(shard), anew).left_edge_us == shard.left_edge_us


def test_a_log_that_goes_on_under_a_raised_epoch_is_not_cut() -> None:
    before = Shard(RULES)
    before.apply(to_batch([at(0, 1)]))
    shard = restore(snapshot(before), replace(RULES, source_epoch=1))
    shard.apply(to_batch([at(1, 2), at(2, 70)]))
    assert shard.left_edge_us == NEVER


def test_a_late_trade_revises_a_closed_bar_and_a_sealed_one_refuses_it() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 70)]))
    shard.take_final()
    assert shard.apply(to_batch([at(2, 2, "12")])).applied == 1
    revised = bars_of(shard.take_final())["A", "1m", MONDAY_US]
    assert (revised["revision"], revised["close"], revised["version"]) == (1, 12, 2)
    shard.apply(to_batch([at(3, 125)]))
    assert shard.apply(to_batch([at(4, 3)]))[:4] == (0, 0, 1, (1, *[0] * (len(INTERVALS) - 1)))
    assert bars_of(shard.open_bars())["A", "1h", MONDAY_US]["trade_count"] == 5


def test_a_bar_that_only_late_trades_fill_starts_at_revision_zero() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 70)]))
    shard.apply(to_batch([at(1, 1, symbol="B")]))
    assert bars_of(shard.take_final())["B", "1m", MONDAY_US]["revision"] == 0


def test_an_announced_bar_is_final_once_and_again_only_when_it_changes() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1)]))
    end_us = MONDAY_US + 60 * SECOND_US
    assert shard.next_end_us() == end_us
    announced = bars_of(shard.announce(end_us))
    assert announced.keys() == {("A", "1m", MONDAY_US)}
    assert announced["A", "1m", MONDAY_US]["final"]
    assert len(shard.announce(end_us)) == 0
    shard.apply(to_batch([at(1, 2, "11")]))
    again = bars_of(shard.take_final())["A", "1m", MONDAY_US]
    assert (again["final"], again["revision"], again["close"], again["version"]) == (True, 0, 11, 1)
    shard.apply(to_batch([at(2, 65)]))
    assert len(shard.take_final()) == 0


def test_duplicates_are_told_by_id_within_a_window() -> None:
    shard = Shard(Rules(dedupe=True))
    ids = ["5000", "904", "905", "905", "5000", "", "", "x", "x"]
    shard.apply(batch := to_batch([at(i, 0, trade_id=each) for i, each in enumerate(ids)]))
    assert batch.rows["outcome"].tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 1]


def test_live_output_is_only_what_changed() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 1, symbol="B")]))
    tickers, bars = shard.take_live()
    assert (len(tickers), len(bars)) == (2, 2 * len(INTERVALS))
    shard.apply(to_batch([at(2, 3, "11", symbol="B")]))
    tickers, bars = shard.take_live()
    assert [tickers.symbols[i] for i in tickers.rows["symbol"]] == ["B"]
    assert len(bars) == len(INTERVALS)


@pytest.mark.compiled
def test_thousands_of_symbols_grow_every_table() -> None:
    count = 5_000
    rows = np.zeros(count, TRADE)
    text = b"".join(b"%05d" % i for i in range(count))
    rows["symbol_at"], rows["symbol_len"] = np.arange(count) * 5, 5
    rows["event_time_us"], rows["offset"] = MONDAY_US, np.arange(count)
    rows["price_lo"], rows["size_lo"] = np.arange(count) + 1, 1
    shard = Shard(RULES)
    assert shard.apply(TradeBatch("t", 0, rows, text, count, count)).applied == count
    bars = bars_of(shard.open_bars())
    assert len(bars) == count * len(INTERVALS)
    assert bars["04999", "1W", MONDAY_US]["open"] == Decimal(5_000).scaleb(-10)
