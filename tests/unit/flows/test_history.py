"""What the history flow sends where: trades and late ones from every batch, bars once they are final."""

import numpy as np
from prometheus_client import CollectorRegistry

from core.bars.rules import Rules
from flows.history import HistoryStep, HistoryUpdate, final_bars, homes_by_symbol, late_trades, trades
from flows.homes_step import Home
from flows.metrics import FlowMetrics
from oracle.truth import OracleTrade
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


def test_each_symbol_is_placed_once_by_its_first_trade_and_again_after_a_start() -> None:
    metrics = FlowMetrics("history", CollectorRegistry())
    step = HistoryStep(Rules(source_epoch=2), 10_000, metrics, None, quality=None)

    def homes(*trades: OracleTrade) -> list[Home]:
        return [home for update in step.on_batch([to_batch(trades)])[0] for home in update.homes]

    first, second = at(0, 5), at(1, 3)
    assert homes(first, second) == [Home(first.symbol, 3, first.event_time_us, 2)]
    assert homes(at(2, 9)) == []
    step = HistoryStep(Rules(source_epoch=2), 10_000, metrics, step.snapshot(), quality=None)
    other = at(3, 10)._replace(symbol="NEW")
    assert homes(other) == [
        Home(first.symbol, 3, second.event_time_us, 2), Home("NEW", 3, other.event_time_us, 2),
    ]  # fmt: skip
    assert homes(at(4, 11)) == []


def test_homes_go_to_one_place_by_symbol() -> None:
    homes = [Home(symbol, 0, 1, 0) for symbol in ("A", "B", "C", "D")]
    sent = dict(homes_by_symbol(3, ("key", HistoryUpdate(None, NOTHING, homes))))
    assert len(sent) > 1
    assert sorted(home for those in sent.values() for home in those) == homes
    for key, those in sent.items():
        moved = [home._replace(partition=2) for home in those]
        assert dict(homes_by_symbol(3, ("other", HistoryUpdate(None, NOTHING, moved)))) == {key: moved}
