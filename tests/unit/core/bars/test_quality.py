"""Each figure by hand, and the law that the batch cut changes none."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bars.quality import Quality, SymbolFigures
from kernels.names import NameTable
from oracle.truth import OracleTrade
from schemas.columns import DUPLICATE, LATE, TradeBatch
from tests.property.trade_batches import MONDAY_US, to_batch, trade_lists
from tests.unit.core.bars.test_shard import at


def observed(*batches: TradeBatch) -> tuple[Quality, NameTable]:
    quality, names, venues = Quality(), NameTable(), NameTable()
    for batch in batches:
        symbols = names.intern(batch.text, batch.rows["symbol_at"], batch.rows["symbol_len"])
        exchanges = venues.intern(batch.text, batch.rows["exchange_at"], batch.rows["exchange_len"])
        quality.observe(batch, symbols, exchanges, len(names))
    return quality, names


def figures(*trades: OracleTrade, outcomes: dict[int, int] | None = None) -> SymbolFigures:
    batch = to_batch(trades)
    for index, outcome in (outcomes or {}).items():
        batch.rows["outcome"][index] = outcome
    return observed(batch)[0].total()


def ids(*numbers: int) -> SymbolFigures:
    return figures(*(at(offset, offset, trade_id=str(number)) for offset, number in enumerate(numbers)))


def test_disorder_is_measured_against_the_newest_of_the_partition() -> None:
    found = figures(at(0, 10), at(1, 4, symbol="B"), at(2, 10), at(3, 9))
    assert (found.out_of_order, found.out_of_order_max_ms) == (2, 6000.0)
    assert found.out_of_order_p99_ms == 8192
    assert found.newest_us == MONDAY_US + 10_000_000


def test_one_in_a_thousand_does_not_move_p99() -> None:
    rest = [at(offset, offset) for offset in range(1000)]
    found = figures(*rest, at(1000, 0))
    assert (found.out_of_order, found.out_of_order_p99_ms, found.out_of_order_max_ms) == (1, 0, 999_000.0)


def test_gaps_are_counted_and_filled_by_ids_that_come_later() -> None:
    found = ids(7, 8, 11, 12)
    assert (found.gaps, found.missing_ids, found.duplicates) == (1, 2, 0)
    found = ids(7, 8, 11, 9)
    assert (found.gaps, found.missing_ids) == (1, 1)
    found = ids(5, 10_000_000, 5)
    assert (found.gaps, found.missing_ids, found.duplicates) == (1, 9_999_994, 0)
    assert ids(5, 4, 3).missing_ids == 0


def test_repeated_ids_are_duplicates_whether_or_not_the_shard_drops_them() -> None:
    assert ids(1, 2, 2, 1, 3).duplicates == 2
    dropped = figures(at(0, 5, trade_id="1"), at(1, 3, trade_id="1"), outcomes={1: DUPLICATE})
    assert (dropped.duplicates, dropped.out_of_order, dropped.trades) == (1, 0, 2)
    assert figures(at(0, 1, trade_id="x"), at(1, 2, trade_id="x")).duplicates == 0


def test_two_exchanges_under_one_symbol_make_no_gap_and_no_repeat_of_each_others() -> None:
    both = [
        at(offset, offset, trade_id=number)._replace(exchange=exchange)
        for offset, (exchange, number) in enumerate(
            [("a", "3600000000"), ("b", "81000000"), ("a", "3600000001"), ("b", "81000001"), ("b", "3600000001")]
        )
    ]
    found = figures(*both)
    assert (found.gaps, found.missing_ids, found.duplicates) == (0, 0, 0)
    assert figures(*both, both[0]).duplicates == 1


def test_late_and_future_stamps() -> None:
    early = at(0, 10)._replace(timestamp_ms=MONDAY_US // 1000 + 8_000)
    found = figures(early, at(1, 11)._replace(timestamp_ms=-1), outcomes={1: LATE})
    assert (found.future, found.future_max_ms, found.late) == (1, 2000.0, 1)


def test_symbols_are_kept_apart_and_nothing_seen_is_all_zero() -> None:
    quality, names = observed(to_batch([at(0, 1, trade_id="1"), at(1, 1, symbol="B", trade_id="9")]))
    assert [quality.figures(index).trades for index in range(len(names))] == [1, 1]
    assert quality.total().missing_ids == 0
    assert Quality().total().trades == 0


@settings(max_examples=60)
@given(trades=trade_lists(), data=st.data())
def test_the_batch_cut_changes_nothing(trades: list[OracleTrade], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(trades)))
    whole, _ = observed(to_batch(trades))
    parts, _ = observed(to_batch(trades[:cut]), to_batch(trades[cut:]))
    count = len({trade.symbol for trade in trades})
    assert np.array_equal(whole.rows[:count], parts.rows[:count])


def test_an_id_at_the_edge_of_the_window_says_nothing() -> None:
    assert ids(5000, 5000 - 1024).duplicates == 0


def test_a_trade_within_the_millisecond_of_its_record_is_not_ahead_of_it() -> None:
    inside = at(0, 0)._replace(timestamp_ms=MONDAY_US // 1000, event_time_us=MONDAY_US + 999)
    assert figures(inside).future == 0
    assert figures(inside._replace(event_time_us=MONDAY_US + 1000)).future == 1
