"""Ids of more than 36 digits: their order, what stays of them in state, snapshots and replays."""

import numpy as np

from core.bars.bar_state import BAR_STATE
from core.bars.long_ids import LongIds, rank_kept
from core.bars.repair import RepairShard, fold_late
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.snapshot import restore, snapshot
from schemas.columns import BarBatch
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch
from tests.unit.core.bars.test_shard import at

SMALL, MIDDLE, LARGE = "9" * 37, "1" + "0" * 40, "2" + "0" * 40


def open_and_close(shard: Shard) -> tuple[object, object]:
    bar = bars_of(shard.open_bars())["A", "1m", MONDAY_US]
    return bar["open"], bar["close"]


def test_they_order_trades_of_one_moment_among_themselves_and_above_shorter_ones() -> None:
    shard = Shard(Rules())
    ids = [MIDDLE, "00" + LARGE + ".0", "5", SMALL]
    shard.apply(to_batch([at(n, 0, str(n + 1), trade_id=each) for n, each in enumerate(ids)]))
    assert open_and_close(shard) == (3, 2)


def test_ranks_change_with_later_batches_and_over_a_recovery() -> None:
    shard = Shard(Rules())
    for n, each in enumerate([MIDDLE, LARGE, SMALL, MIDDLE + "1", MIDDLE[:-1] + "1"]):
        shard.apply(to_batch([at(n, 0, str(n + 1), trade_id=each)]))
        shard = restore(snapshot(shard), Rules())
    assert open_and_close(shard) == (3, 4)


def test_only_what_bars_refer_to_stays() -> None:
    shard = Shard(Rules())
    for n in range(50):
        shard.apply(to_batch([at(n, 0, trade_id=str(10**40 + n))]))
    shard.apply(to_batch([at(50, 0, trade_id=str(10**40 + 20))]))
    assert shard.long_ids.digits == [b"%d" % 10**40, b"%d" % (10**40 + 20), b"%d" % (10**40 + 49)]


def test_a_batch_may_be_applied_again_by_another_shard() -> None:
    batch = to_batch([at(0, 0, "1", trade_id=LARGE), at(1, 0, "2", trade_id=SMALL)])
    for _ in range(2):
        shard = Shard(Rules(dedupe=True))
        assert shard.apply(batch).applied == 2
        assert open_and_close(shard) == (2, 1)


def test_a_replay_folds_late_trades_by_their_long_ids() -> None:
    rules = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
    shard = RepairShard(rules)
    shard.apply(to_batch([at(0, 1, "1", trade_id=MIDDLE), at(1, 100, trade_id=LARGE)]))
    shard.take_final()
    sealed, late = shard.take_sealed(), []
    shard = restore(snapshot(shard), rules, RepairShard)
    for n, each in enumerate([LARGE, SMALL]):
        shard.apply(to_batch([at(2 + n, 1, str(n + 2), trade_id=each)]))
        late.append(shard.take_late())
    (folded,) = fold_late(np.concatenate(late), lambda: [sealed], rules, kept_ids=shard.long_ids.kept)
    bar = bars_of(BarBatch(shard.symbols.names, folded))["A", "1m", MONDAY_US]
    assert (bar["open"], bar["close"], bar["trade_count"]) == (3, 2, 3)


def test_kept_numbers_last_and_rank_as_their_digits_do() -> None:
    ids, bars = LongIds(), np.zeros(0, BAR_STATE)
    columns = []
    for each in (LARGE, SMALL, LARGE, MIDDLE):
        batch = to_batch([at(0, 0, trade_id=each)])
        ids.rank(batch.rows, batch.text, bars)
        ids.keep(batch.rows["trade_id_upper"])
        columns.append(batch.rows["trade_id_upper"])
    assert len(ids.kept) == 3
    rank_kept(ids.kept, *columns)
    ranks = [int(each[0]) for each in columns]
    assert ranks[1] < ranks[3] < ranks[0] == ranks[2]


def test_zeros_before_an_id_do_not_make_it_greater() -> None:
    shard = Shard(Rules())
    ids = [MIDDLE, LARGE, "0" * 10 + SMALL]
    shard.apply(to_batch([at(n, 0, str(n + 1), trade_id=each) for n, each in enumerate(ids)]))
    assert open_and_close(shard) == (3, 2)


def test_without_a_long_id_nothing_is_ranked() -> None:
    ids = LongIds()
    batch = to_batch([at(0, 0, trade_id="7"), at(1, 0, trade_id="x"), at(2, 0)])
    before = batch.rows.copy()
    ids.rank(batch.rows, batch.text, np.zeros(0, BAR_STATE))
    assert (batch.rows == before).all()
    assert ids.digits == []
