"""One bar refused a trade: the fold takes it in, with a higher version. All other cases are in tests/property."""

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


def test_nothing_late_folds_to_nothing() -> None:
    shard = RepairShard(Rules())
    assert list(fold_late(shard.take_late(), lambda: [shard.take_sealed()], shard.rules)) == []
