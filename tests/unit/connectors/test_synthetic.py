"""The synthetic tape: repeatable, valid by the contract's rules, and disorderly only by request."""

import numpy as np
import pytest

from connectors.synthetic import Disorder, SyntheticMarket, symbol_names
from core.bars.rules import Rules
from core.bars.shard import Shard
from schemas.columns import TradeBatch


def tape(count: int = 5_000, *, seed: int = 7, disorder: Disorder | None = None) -> TradeBatch:
    return SyntheticMarket(symbol_names(20), seed=seed, start_us=10**15, disorder=disorder).take(count, 60_000_000)


def ids_of(batch: TradeBatch, symbol_at: int) -> list[int]:
    return [int(row["trade_id_number"]) for row in batch.rows if row["symbol_at"] == symbol_at]


def test_same_seed_gives_the_same_bytes() -> None:
    one, other = tape(), tape()
    assert one.rows.tobytes() == other.rows.tobytes()
    assert one.text == other.text
    assert tape(seed=8).rows.tobytes() != one.rows.tobytes()


def test_names_are_unique_and_valid() -> None:
    names = symbol_names(500)
    assert len(set(names)) == 500
    assert all(set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ/0123456789") for name in names)


def test_ids_rise_by_one_per_symbol_over_calls() -> None:
    market = SyntheticMarket(symbol_names(3), seed=1)
    seen: dict[int, int] = {}
    for _ in range(4):
        batch = market.take(500, 1_000)
        for at in set(batch.rows["symbol_at"].tolist()):
            ids = ids_of(batch, at)
            assert ids == list(range(seen.get(at, ids[0] - 1) + 1, ids[-1] + 1))
            seen[at] = ids[-1]


def test_texts_say_what_the_columns_say() -> None:
    batch = tape(300)
    for row in batch.rows:
        text = batch.text[int(row["trade_id_at"]) :][: int(row["trade_id_len"])]
        assert int(text) == row["trade_id_number"]
        assert batch.text[int(row["exchange_at"]) :][: int(row["exchange_len"])] == b"SYNTH"


def test_prices_lie_at_bid_or_ask() -> None:
    rows = tape().rows
    assert np.all(rows["bid_lo"] < rows["ask_lo"])
    assert np.all((rows["price_lo"] == rows["bid_lo"]) | (rows["price_lo"] == rows["ask_lo"]))
    assert np.all(rows["price_lo"] > 0)
    assert np.all(rows["size_lo"] > 0)


def test_trades_further_apart_move_further_and_are_larger() -> None:
    def moves(span_us: int) -> tuple[float, float]:
        market = SyntheticMarket(["BTC/USDT"], seed=3, pace_us=100)
        market._ticks[:] = 10_000_000
        rows = market.take(20_000, span_us).rows
        middle = (rows["bid_lo"] + rows["ask_lo"]).astype(np.float64) / 2
        return float(np.std(np.diff(middle))), float(np.median(rows["size_lo"]))

    (near, small), (far, large) = moves(20_000 * 100), moves(20_000 * 100 * 400)
    assert 15 < far / near < 25
    assert 300 < large / small < 500
    assert moves(20_000 * 10) == pytest.approx((near, small), rel=0.01)


def test_no_step_is_more_than_a_thousandth_of_the_price() -> None:
    market = SyntheticMarket(["BTC/USDT"], seed=3, pace_us=1)
    market._ticks[:] = 100_000
    rows = market.take(100, 10**12).rows
    middle = (rows["bid_lo"] + rows["ask_lo"]).astype(np.int64) // 2 // 10**8
    assert 10 < np.abs(np.diff(middle)).max() <= 100


@pytest.mark.compiled
def test_tidy_tape_is_applied_whole() -> None:
    batch = tape()
    assert np.all(np.diff(batch.rows["event_time_us"]) >= 0)
    assert Shard(Rules(dedupe=True)).apply(batch)[:3] == (5_000, 0, 0)


@pytest.mark.compiled
def test_disorder_makes_late_and_duplicate_trades() -> None:
    disorder = Disorder(swapped=0.1, late=0.01, late_ms=600_000, repeated=0.01)
    applied, duplicate, late, *_ = Shard(Rules(dedupe=True)).apply(tape(disorder=disorder))
    assert applied + duplicate + late == 5_000
    assert 10 < duplicate < 120
    assert 5 < late < 120


def test_empty_and_single_batches() -> None:
    market = SyntheticMarket(["A"], start_us=5)
    assert len(market.take(0, 10)) == 0
    assert market.take(1, 10).rows["event_time_us"][0] >= 15
