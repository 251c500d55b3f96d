"""Closing, sealing, announcing, growing: what a shard publishes and when."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from core.bars.rules import Rules
from core.bars.shard import FIRST_ROWS, Shard
from core.bars.shard_kernel import NEVER
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleTrade
from schemas.columns import LATE, TRADE, TradeBatch
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


def test_a_store_that_lost_all_is_given_all_again() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 1, symbol="B"), at(2, 70)]))
    finals = bars_of(shard.take_final())
    shard.take_live()
    assert bars_of(shard.publish_again()) == finals
    tickers, bars = shard.take_live()
    assert len(tickers) == 2
    assert bars_of(bars).keys() == bars_of(shard.open_bars()).keys()
    assert len(Shard(RULES).publish_again()) == 0


@pytest.mark.parametrize("count", [200, pytest.param(5_000, marks=pytest.mark.compiled)])
def test_many_symbols_grow_every_table(count: int) -> None:
    rows = np.zeros(count, TRADE)
    text = b"".join(b"%05d" % i for i in range(count))
    rows["symbol_at"], rows["symbol_len"] = np.arange(count) * 5, 5
    rows["event_time_us"], rows["offset"] = MONDAY_US, np.arange(count)
    rows["price_lo"], rows["size_lo"] = np.arange(count) + 1, 1
    shard = Shard(RULES)
    assert shard.apply(TradeBatch("t", 0, rows, text, count, count)).applied == count
    bars = bars_of(shard.open_bars())
    assert len(bars) == count * len(INTERVALS)
    assert bars[f"{count - 1:05}", "1W", MONDAY_US]["open"] == Decimal(count).scaleb(-10)


def test_a_trade_is_too_late_from_the_exact_bound_on() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 124), at(2, 2)]))
    assert shard.counts[LATE] == 0
    assert shard.apply(to_batch([at(3, 125), at(4, 3)])).refused[0] == 1


def test_a_bar_whose_end_is_the_watermark_is_closed_and_revised() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1), at(1, 65)]))
    assert bars_of(shard.take_final())["A", "1m", MONDAY_US]["revision"] == 0
    shard.apply(to_batch([at(2, 2, "12")]))
    revised = bars_of(shard.take_final())["A", "1m", MONDAY_US]
    assert (revised["revision"], revised["close"], revised["final"]) == (1, 12, True)


def test_a_duplicate_does_not_move_the_watermark() -> None:
    shard = Shard(replace(RULES, dedupe=True))
    shard.apply(to_batch([at(0, 1, trade_id="7"), at(1, 100, trade_id="7")]))
    assert shard.watermark_us == MONDAY_US - 4 * SECOND_US


def test_the_left_edge_of_a_log_is_not_before_what_was_sent_before_it() -> None:
    whole, cut = Shard(RULES), Shard(RULES)
    late = at(5, 1)._replace(timestamp_ms=(MONDAY_US + 90 * SECOND_US) // 1000)
    whole.apply(to_batch([late._replace(offset=0)]))
    cut.apply(to_batch([late]))
    assert (whole.left_edge_us, cut.left_edge_us) == (NEVER, MONDAY_US + 95 * SECOND_US)


def test_the_log_s_first_trade_is_published_again_too() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1)]))
    shard.take_live()
    shard.publish_again()
    assert [len(batch) for batch in shard.take_live()] == [1, len(INTERVALS)]


def test_an_announced_bar_that_changes_is_not_live_again() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1)]))
    shard.announce(MONDAY_US + 60 * SECOND_US)
    shard.apply(to_batch([at(1, 2, "11")]))
    assert ("A", "1m", MONDAY_US) not in bars_of(shard.take_live()[1])


def test_a_pool_that_grows_closes_its_bars_in_time() -> None:
    shard = Shard(RULES)
    symbols = FIRST_ROWS // len(INTERVALS)
    shard.apply(to_batch([at(n, 1, symbol=str(n)) for n in range(symbols)]))
    shard.settle()
    assert len(shard.pool.rows) == FIRST_ROWS
    shard.apply(to_batch([at(symbols, 70, symbol="0")]))
    shard.settle()
    assert len(shard.pool.rows) > FIRST_ROWS
    assert len(shard.take_final()) == symbols


def test_bars_that_open_at_the_close_before_them_do_so_over_sealing_and_growth() -> None:
    shard = Shard(replace(RULES, previous_close=True))
    shard.apply(to_batch([at(0, 1, "3"), at(1, 2, "4", symbol="B")]))
    shard.apply(to_batch([at(2 + n, 600 + 60 * n, str(10 + n)) for n in range(FIRST_ROWS)]))
    assert bars_of(shard.take_final())["A", "1m", MONDAY_US + 600 * SECOND_US]["open"] == 3
    shard.apply(to_batch([at(1000, 600 + 60 * FIRST_ROWS, "9"), at(1001, 600 + 60 * FIRST_ROWS, "8", symbol="B")]))
    bars = bars_of(shard.open_bars())
    start_us = MONDAY_US + (600 + 60 * FIRST_ROWS) * SECOND_US
    assert (bars["A", "1m", start_us]["open"], bars["B", "1m", start_us]["open"]) == (9 + FIRST_ROWS, 4)
