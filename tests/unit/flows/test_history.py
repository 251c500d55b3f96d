"""What the history flow sends where: trades and late ones from every batch, bars once they are final."""

import numpy as np
from prometheus_client import CollectorRegistry

from core.bars.rules import Rules
from flows.history import HistoryStep, HistoryUpdate, final_bars, late_trades, trades
from flows.metrics import FlowMetrics
from schemas.columns import BAR, TRADE, BarBatch, TradeBatch
from tests.property.trade_batches import to_batch
from tests.unit.core.bars.test_shard import at

NOTHING = BarBatch((), np.empty(0, BAR))


def updates(*batches: TradeBatch) -> list[HistoryUpdate]:
    step = HistoryStep(Rules(), 10_000, FlowMetrics("history", CollectorRegistry()), None, quality=None)
    return [update for batch in batches for update in step.on_batch([batch])[0]]


def test_a_batch_goes_on_whole_and_with_the_bars_it_closed() -> None:
    first, second = updates(to_batch([at(0, 1)]), to_batch([at(1, 70)]))
    assert trades(first) is not None
    assert final_bars(first) is None
    closed = final_bars(second)
    assert closed is not None
    assert len(closed) == 1


def test_late_trades_are_a_branch_of_their_own() -> None:
    first, second = updates(to_batch([at(0, 1), at(1, 200)]), to_batch([at(2, 2)]))
    assert late_trades(first) is None
    assert late_trades(second) is not None


def test_a_batch_without_a_trade_writes_nothing() -> None:
    empty = TradeBatch("trades", 3, np.empty(0, TRADE), b"", 0, 1, caught_up=True)
    for update in (HistoryUpdate(empty, NOTHING), HistoryUpdate(None, NOTHING)):
        assert (trades(update), late_trades(update), final_bars(update)) == (None, None, None)
