"""A replay's shard with late trades folded in publishes what a shard of unlimited lateness would."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars.bar_state import BAR_STATE
from core.bars.repair import RepairShard, fold_late
from core.bars.rules import Rules
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleTrade, recompute
from schemas.columns import LATE, BarBatch
from tests.property.test_shard_laws import expected_bars, oracle_rules, rules_drawn
from tests.property.trade_batches import bars_of, examples, to_batch, trade_lists


@settings(max_examples=examples(300))
@given(trades=trade_lists(), rules=rules_drawn, groups=st.integers(1, 3), data=st.data())
def test_folding_late_trades_gives_the_bars_of_unlimited_lateness(
    trades: list[OracleTrade], rules: Rules, groups: int, data: st.DataObject
) -> None:
    shard, rest = RepairShard(rules), trades
    bars: dict[tuple[str, str, int], dict[str, object]] = {}
    sealed, late = [np.zeros(0, BAR_STATE)], []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        if data.draw(st.booleans()):
            shard = restore(snapshot(shard), rules, RepairShard)
        batch = to_batch(rest[:size])
        rest = rest[size:]
        done = shard.apply(batch)
        bars.update(bars_of(shard.take_final()))
        sealed.append(shard.take_sealed())
        late.append(shard.take_late())
        assert done.late == len(late[-1]) == np.count_nonzero(batch.rows["outcome"] == LATE)
    bars.update(bars_of(shard.open_bars()))
    all_late = np.concatenate(late)
    for folded in fold_late(
        all_late, lambda: sealed, rules, group_trades=max(1, len(all_late) // groups), kept_ids=shard.long_ids.kept
    ):
        for key, bar in bars_of(BarBatch(shard.symbols.names, folded)).items():
            assert key not in bars or bar["version"] > bars[key]["version"]
            bars[key] = bar
    truth = recompute(trades, oracle_rules(rules)._replace(fold_late=True))
    assert bars == expected_bars(truth)
