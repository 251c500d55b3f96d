"""One bar refused a trade: the fold takes it in, with a higher version. All other cases are in tests/property."""

from collections import Counter

from core.bars.repair import RepairShard, fold_late
from core.bars.rules import Rules
from schemas.columns import BarBatch
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch
from tests.unit.core.bars.test_shard import at


def test_a_refused_trade_enters_its_sealed_bar_and_raises_its_version() -> None:
    shard = RepairShard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS)))
    shard.apply(to_batch([at(0, 1), at(1, 61)]))
    before = bars_of(shard.take_final())["A", "1m", MONDAY_US]
    shard.apply(to_batch([at(2, 2)]))
    assert not len(shard.take_final())
    (folded,) = fold_late(shard.take_late(), lambda: [shard.take_sealed()], shard.rules)
    bars = bars_of(BarBatch(shard.symbols.names, folded))
    assert bars.keys() == {("A", "1m", MONDAY_US)}, "the longer intervals had taken it"
    after = bars["A", "1m", MONDAY_US]
    assert (before["version"], before["trade_count"], before["revision"]) == (0, 1, 0)
    assert (after["version"], after["trade_count"], after["revision"]) == (2, 2, 1)


def test_a_repaired_bar_opens_at_the_close_before_it_and_leaves_the_opening_behind_it() -> None:
    shard = RepairShard(
        Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS), previous_close=True, exceptions=("X",))
    )
    shard.apply(to_batch([at(0, 1, "10"), at(1, 61, "11"), at(2, 121, "12")]))
    shard.take_final()
    late = [at(3, 119, "9"), at(4, 2, "7")._replace(exchange="X")]
    shard.apply(to_batch([at(5, 200, "13")]))
    finals = bars_of(shard.take_final())
    shard.apply(to_batch([trade._replace(offset=trade.offset + 4) for trade in late]))
    bars = folded_minutes(shard)
    assert [bars["A", "1m", MONDAY_US + n * 60_000_000]["open"] for n in (0, 1)] == [10, 10]
    assert bars["A", "1m", MONDAY_US]["from_us"] == MONDAY_US, "a trade of another venue came late"
    assert (bars["A", "1m", MONDAY_US + 60_000_000]["low"], bars["A", "1m", MONDAY_US + 60_000_000]["close"]) == (9, 9)
    assert finals["A", "1m", MONDAY_US + 120_000_000]["open"] == 11
    assert ("A", "1m", MONDAY_US + 120_000_000) not in bars


def test_nothing_late_folds_to_nothing() -> None:
    shard = RepairShard(Rules())
    assert list(fold_late(shard.take_late(), lambda: [shard.take_sealed()], shard.rules)) == []


def folded_minutes(shard: RepairShard) -> dict[tuple[str, str, int], dict[str, object]]:
    (folded,) = fold_late(shard.take_late(), lambda: [shard.take_sealed()], shard.rules)
    return bars_of(BarBatch(shard.symbols.names, folded))


def test_a_trade_that_came_at_the_very_bound_is_folded_and_its_bar_final() -> None:
    shard = RepairShard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS)))
    shard.apply(to_batch([at(0, 1), at(1, 60)]))
    shard.take_final()
    assert shard.apply(to_batch([at(2, 2)])).late == 1
    bar = folded_minutes(shard)["A", "1m", MONDAY_US]
    assert (bar["trade_count"], bar["final"]) == (2, True)


def test_a_duplicate_before_a_late_trade_does_not_make_other_bars_refuse_it() -> None:
    shard = RepairShard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS), dedupe=True))
    shard.apply(to_batch([at(0, 1, trade_id="1"), at(1, 61, trade_id="2")]))
    shard.take_final()
    shard.apply(to_batch([at(2, 301, trade_id="1"), at(3, 2, trade_id="3")]))
    assert folded_minutes(shard).keys() == {("A", "1m", MONDAY_US)}


def test_a_trade_that_found_no_bar_makes_one_and_one_that_a_longer_interval_took_stays_there() -> None:
    rules = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
    shard = RepairShard(rules)
    assert not len(shard.take_final()), "nothing was read"
    shard.apply(to_batch([at(0, 1), at(1, 700)]))
    shard.take_final()
    shard.take_final()
    shard.apply(to_batch([at(2, 2), at(3, 3), at(4, 130)]))
    (folded,) = fold_late(shard.take_late(), lambda: [shard.take_sealed()], rules)
    bars = bars_of(BarBatch(shard.symbols.names, folded))
    counts = {
        (name, (start_us - MONDAY_US) // 60_000_000): bar["trade_count"] for (_, name, start_us), bar in bars.items()
    }
    assert counts == {("1m", 0): 3, ("1m", 2): 1, ("5m", 0): 4}
    assert bars["A", "1m", MONDAY_US + 120_000_000]["revision"] == 0


def test_late_trades_of_many_bars_are_folded_together() -> None:
    rules = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
    shard = RepairShard(rules)
    shard.apply(to_batch([at(0, 0), at(1, 3600)]))
    shard.take_final()
    shard.apply(to_batch([at(2 + n, 60 * n) for n in range(30)]))
    (folded,) = fold_late(shard.take_late(), lambda: [shard.take_sealed()], rules)
    names = Counter(name for _, name, _ in bars_of(BarBatch(shard.symbols.names, folded)))
    assert (names["1m"], names["5m"], names["15m"], names["1h"]) == (30, 6, 2, 1)


def test_a_bar_that_is_closed_and_still_takes_trades_is_not_sealed() -> None:
    shard = RepairShard(Rules(out_of_order_us=0, lateness_us=(60_000_000,) * len(INTERVALS)))
    shard.apply(to_batch([at(0, 1), at(1, 61)]))
    assert len(shard.take_final()) == 1
    assert len(shard.take_sealed()) == 0
    shard.apply(to_batch([at(2, 125)]))
    shard.take_final()
    assert len(shard.take_sealed()) == 1
