"""Bars that open at the close before them: what they open at, when they are published anew, what is kept of sealed
ones. The law for any trades is in tests/property/test_shard_laws.py."""

from decimal import Decimal

import numpy as np
import pytest

from core.bars.bar_state import BAR_STATE
from core.bars.openings import CLOSE, NEVER, chain_bars, grown_closes, link_bar, new_chain, unlink_bars
from core.bars.rules import Rules
from core.bars.shard import FIRST_ROWS, Shard
from core.bars.snapshot import restore, snapshot
from schemas.errors import StateIncompatible
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch
from tests.unit.core.bars.test_shard import at

RULES = Rules(out_of_order_us=0, lateness_us=(3_600_000_000,) * len(INTERVALS), previous_close=True)
D = Decimal


def minute(bars: dict[tuple[str, str, int], dict[str, object]], number: int, symbol: str = "A") -> list[object]:
    """open, high, low, close and version of a minute."""
    bar = bars[symbol, "1m", MONDAY_US + number * 60_000_000]
    return [bar[name] for name in ("open", "high", "low", "close", "version")]


def test_a_bar_opens_at_the_close_before_it_and_its_extremes_include_that() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1, "10"), at(1, 30, "12"), at(2, 61, "15"), at(3, 200, "11"), at(4, 201, "13")]))
    finals = bars_of(shard.take_final())
    assert minute(finals, 0) == [D(10), D(12), D(10), D(12), 1], "the first of its series opens at its first trade"
    assert minute(finals, 1) == [D(12), D(15), D(12), D(15), 2]
    assert minute(bars_of(shard.open_bars()), 3) == [D(15), D(15), D(11), D(13), 4], "minutes without trades are none"
    assert bars_of(shard.open_bars())["A", "1D", MONDAY_US]["open"] == 10, "each interval by itself"
    tickers, _ = shard.take_live()
    assert int(tickers.rows["open_lo"][0]) == 10 * 10**10


def test_a_late_trade_moves_the_opening_of_the_bar_behind_and_publishes_it_anew() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch([at(0, 1, "10"), at(1, 61, "12"), at(2, 190, "13"), at(3, 250, "14")]))
    shard.take_final()
    shard.take_live()
    shard.apply(to_batch([at(4, 50, "5"), at(5, 185, "6")]))
    finals = bars_of(shard.take_final())
    assert minute(finals, 0) == [D(10), D(10), D(5), D(5), 4]
    assert minute(finals, 1) == [D(5), D(12), D(5), D(12), 4]
    assert [finals["A", "1m", MONDAY_US + n * 60_000_000]["revision"] for n in (0, 1, 3)] == [1, 0, 1]
    assert minute(finals, 3) == [D(12), D(13), D(6), D(13), 5]
    _, live = shard.take_live()
    assert ("A", "1m", MONDAY_US + 240_000_000) in bars_of(live), "an open bar whose opening moved"
    # A bar that comes late between two is what the one behind opens at.
    shard.apply(to_batch([at(6, 130, "7")]))
    finals = bars_of(shard.take_final())
    assert minute(finals, 2) == [D(12), D(12), D(7), D(7), 6]
    assert minute(finals, 3)[0] == 7
    assert not {key for key in finals if key[2] > MONDAY_US + 180_000_000}


def test_a_bar_that_the_clock_closed_is_published_anew_too() -> None:
    shard = Shard(Rules(previous_close=True))
    shard.apply(to_batch([at(0, 58, "10"), at(1, 61, "12")]))
    shard.announce(MONDAY_US + 120_000_000)
    shard.apply(to_batch([at(2, 59, "11")]))
    assert minute(bars_of(shard.take_final()), 1) == [D(11), D(12), D(11), D(12), 2]


def test_what_sealed_bars_closed_at_is_kept_over_a_restart() -> None:
    rules = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS), previous_close=True)
    shard = Shard(rules)
    shard.apply(to_batch([at(0, 1, "10"), at(1, 70, "11"), at(2, 80, "12", symbol="B"), at(3, 800, "13")]))
    shard.take_final()
    again = restore(snapshot(shard), rules)
    for each in (shard, again):
        each.apply(to_batch([at(4, 810, "20", symbol="B"), at(5, 811, "21")]))
        bars = bars_of(each.open_bars())
        assert (minute(bars, 13)[0], minute(bars, 13, "B")[0]) == (D(11), D(12))
        assert bars["B", "1m", MONDAY_US + 780_000_000]["from_us"] == MONDAY_US + 80_000_000


def test_many_bars_stay_chained_when_the_pool_grows_and_after_a_restart() -> None:
    shard = Shard(RULES)
    count = FIRST_ROWS
    shard.apply(to_batch([at(n, 60 * n, str(n + 1)) for n in range(count)]))
    assert len(shard.pool.rows) > FIRST_ROWS
    late = [at(count, 60 * count - 3590, "7000"), at(count + 1, 60 * count, "8000")]
    for each in (restore(snapshot(shard), RULES), shard):
        bars = bars_of(each.open_bars())
        assert all(minute(bars, n)[0] == n for n in range(count - 59, count))
        each.apply(to_batch(late))
        assert minute(bars_of(each.open_bars()), count - 59)[0] == 7000


def test_a_bar_with_a_trade_of_a_venue_that_opens_at_the_first_trade_does_so() -> None:
    rules = Rules(out_of_order_us=0, exceptions=("BITGET",))
    shard = Shard(rules)
    venues = ["bitget", "BITGET", "BINANCE", "BITGET", "BITGET", "BINANCE"]
    seconds = [1, 61, 121, 181, 241, 242]
    shard.apply(
        to_batch(
            [at(n, s, str(n + 1))._replace(exchange=v) for n, (s, v) in enumerate(zip(seconds, venues, strict=True))]
        )
    )
    bars = bars_of(shard.take_final()) | bars_of(shard.open_bars())
    assert [minute(bars, number)[0] for number in range(5)] == [1, 1, 3, 3, 5]
    from_us = [bars["A", "1m", MONDAY_US + n * 60_000_000]["from_us"] for n in range(5)]
    assert from_us[0] is None, "it opens at a close that no record has"
    assert [int(each) - MONDAY_US for each in from_us[1:]] == [1_000_000, 120_000_000, 121_000_000, 240_000_000]
    shard.apply(to_batch([at(6, 183, "9")._replace(exchange="BITGET")]))
    assert ("A", "1m", MONDAY_US + 240_000_000) not in bars_of(shard.take_final()), "that one opens alone"


def test_a_state_of_another_rule_is_refused_in_one_line() -> None:
    with pytest.raises(StateIncompatible, match=r"another TAPEFLOW_CANDLE_OPEN"):
        restore(snapshot(Shard(Rules())), RULES)


def test_bars_are_chained_by_their_starts_in_whatever_order_they_come() -> None:
    rows = np.zeros(4, BAR_STATE)
    rows["start_us"] = [30, 10, 20, 5]
    rows["symbol"] = [0, 0, 0, 1]
    linked, chained = new_chain(4), new_chain(4)
    newest = -1
    for slot in range(3):
        link_bar(linked, rows, newest, slot)
        newest = 0
    link_bar(linked, rows, -1, 3)
    chain_bars(chained, rows)
    assert [each.tolist() for each in linked] == [each.tolist() for each in chained]
    assert chained.before.tolist() == [2, -1, 1, -1]
    assert chained.after.tolist() == [-1, 2, 0, -1]


def test_closes_grow_without_what_was_sealed() -> None:
    closes = grown_closes(grown_closes(np.zeros((0, len(INTERVALS)), CLOSE), 1), 2)
    assert closes.shape == (2, len(INTERVALS))
    assert (closes["time_us"] == NEVER).all()


def test_of_bars_that_are_sealed_together_the_newest_close_is_kept() -> None:
    rows, chain, closes = np.zeros(2, BAR_STATE), new_chain(2), grown_closes(np.zeros((0, len(INTERVALS)), CLOSE), 1)
    rows["start_us"], rows["close_time_us"], rows["close_lo"], rows["all_numeric"] = [20, 10], [21, 11], [2, 1], 1
    chain_bars(chain, rows)
    unlink_bars(chain, rows, np.arange(2), closes)
    assert closes[0, 0].tolist() == (20, 21, 0, 0, 2)
    assert [each.tolist() for each in chain] == [[-1, -1], [-1, -1]]
