"""What is a duplicate, what can't be told, and what leaves the window."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.shard_kernel import UNJUDGED
from core.bars.snapshot import restore, snapshot
from oracle.truth import OracleTrade
from schemas.columns import TRADE, TradeBatch
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, to_batch

SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
RULES = Rules(dedupe=True, lateness_us=(10**17,) * len(INTERVALS))


def trades(*given: tuple[str, float] | tuple[str, float, str] | tuple[str, float, str, str]) -> list[OracleTrade]:
    """(id, seconds, exchange, symbol), in log order."""
    made = []
    for offset, (trade_id, seconds, *place) in enumerate(given):
        exchange, symbol = [*place, "x", "A"][:2] if len(place) < 2 else place
        time_us = MONDAY_US + int(seconds * SECOND_US)
        made.append(
            OracleTrade(3, offset, 0, time_us, symbol, Decimal(1), Decimal(1), trade_id=trade_id, exchange=exchange)
        )
    return made


def outcomes(given: list[OracleTrade], rules: Rules = RULES) -> tuple[list[int], int]:
    """Positions of the duplicates, and how many trades were unjudged."""
    batch = to_batch(given)
    done = Shard(rules).apply(batch)
    return np.flatnonzero(batch.rows["outcome"] == 1).tolist(), done.unjudged


def test_ids_that_start_again_are_no_duplicates() -> None:
    first = [(str(9000 + n), n) for n in range(5)]
    again = [(str(n), 86_400 + n) for n in range(5)]
    assert outcomes(trades(*first, *again)) == ([], 0)


def test_the_same_ids_on_another_day_are_other_trades() -> None:
    assert outcomes(trades(("1", 0), ("2", 1), ("1", 86_400), ("2", 86_401), ("2", 86_401))) == ([4], 0)


def test_venues_and_symbols_have_ids_of_their_own() -> None:
    given = trades(("7", 0, "nse"), ("7", 0, "bse"), ("7", 0, "nse", "B"), ("7", 0, "bse"), ("7", 1, ""))
    assert outcomes(given) == ([3], 0)


@pytest.mark.compiled
def test_the_newest_first_and_far_apart_are_all_trades() -> None:
    assert outcomes(trades(*[(str(n), n / 100) for n in range(6000, 0, -1)])) == ([], 0)
    assert outcomes(trades(("17145216000010000", 1), ("17145216000030000", 3), ("17145216000020000", 2))) == ([], 0)


def test_ids_of_any_text_are_judged_alike() -> None:
    ids = ["498350a3-8c03-affd-cf87-e6d8a90b70e5", "102523573486100000001", "9" * 60, "a", "é", "12.5"]
    given = trades(*[(each, n) for n, each in enumerate(ids)], *[(each, n) for n, each in enumerate(ids)])
    assert outcomes(given) == (list(range(len(ids), 2 * len(ids))), 0)


def test_blanks_and_leading_zeros_do_not_matter() -> None:
    assert outcomes(trades(("7", 0), ("007", 0), ("abc", 0), (" abc\t", 0), ("ABC", 0))) == ([1, 3], 0)


def test_a_trade_without_an_id_is_unjudged() -> None:
    assert outcomes(trades(("", 0), ("", 0), ("  ", 0), ("1", 0))) == ([], 3)
    assert outcomes(trades(("", 0)), replace(RULES, dedupe=False)) == ([], 0)


def test_what_was_forgotten_is_unjudged_and_only_for_its_symbol_and_exchange() -> None:
    small = replace(RULES, dedupe_window=2)
    given = trades(("1", 0), ("2", 1), ("3", 2), ("1", 0), ("9", 0, "y"), ("8", 0.5), ("7", 3))
    # "3" pushes "1" out, so "1" again can't be told; "9" is the first of its exchange; by then all up to 2 s is gone.
    assert outcomes(given, small) == ([], 2)


def test_an_id_that_comes_again_beyond_the_span_is_remembered_anew() -> None:
    given = trades(("1", 0), ("1", 3600), ("1", 3599), ("1", 0))
    # The last is at the time of the first one, which was given up for the second: it can't be told.
    assert outcomes(given) == ([2], 1)
    shard = Shard(RULES)
    shard.apply(to_batch(given))
    assert np.count_nonzero(shard.seen.remembered()["kind"]) == 1


@pytest.mark.compiled
def test_memory_stays_that_of_the_window() -> None:
    count, size = 50_000, 1_000
    rows = np.zeros(count, TRADE)
    rows["symbol_len"] = rows["exchange_len"] = 1
    rows["offset"] = rows["trade_id_number"] = np.arange(count)
    rows["event_time_us"] = MONDAY_US + np.arange(count)
    rows["price_lo"] = rows["size_lo"] = 1
    shard = Shard(replace(RULES, dedupe_window=size))
    before = [len(each) for each in shard.seen.window]
    assert shard.apply(TradeBatch("t", 0, rows, b"A", count, count)).unjudged == 0
    assert [len(each) for each in shard.seen.window][:2] == before[:2]
    assert shard.seen.remembered()["lo"].tolist() == list(range(count - size, count))
    again = shard.apply(TradeBatch("t", 0, rows, b"A", count, 2 * count))
    assert (again.duplicate, again.unjudged) == (0, count), "every repeat comes when its id is forgotten, and says so"


def test_a_smaller_window_keeps_the_newest_ids() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch(trades(("1", 0), ("2", 1), ("3", 2))))
    smaller = restore(snapshot(shard), replace(RULES, dedupe_window=2))
    done = smaller.apply(to_batch(trades(("1", 0), ("3", 2), ("4", 3))))
    assert (done.duplicate, done.unjudged) == (1, 1)


def test_what_was_seen_before_duplicates_were_looked_for_is_unknown() -> None:
    shard = Shard(replace(RULES, dedupe=False))
    shard.apply(to_batch(trades(("1", 10))))
    shard = restore(snapshot(shard), RULES)
    done = shard.apply(to_batch(trades(("1", 10), ("2", 11), ("2", 11))))
    assert (done.applied, done.duplicate, done.unjudged) == (2, 1, 1)


def test_a_state_of_version_2_opens() -> None:
    shard = Shard(RULES)
    shard.apply(to_batch(trades(("1", 10), ("2", 11))))
    fields = msgspec.msgpack.decode(snapshot(shard))
    fields[0], fields[3], fields[8] = 2, fields[3][:10], b"\0" * 512
    shard = restore(msgspec.msgpack.encode(fields[:17]), RULES)
    assert shard.counts[:3].tolist() == [2, 0, 0]
    done = shard.apply(to_batch(trades(("2", 11), ("3", 12))))
    assert (done.applied, done.duplicate, done.unjudged) == (2, 0, 1)
    assert shard.counts[UNJUDGED] == 1


def test_what_was_forgotten_of_an_older_time_makes_nothing_younger_certain() -> None:
    given = trades(("1", 10), ("2", 5), ("3", 1), ("4", 7))
    # Of "1", forgotten first, it is known that it was at 10 s: whatever is older can't be told.
    assert outcomes(given, replace(RULES, dedupe_window=1)) == ([], 2)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_window_that_goes_round_forgets_the_oldest_and_finds_the_rest(size: int) -> None:
    shard = Shard(replace(RULES, dedupe_window=size))
    count = 4 * size + 5
    shard.apply(to_batch(trades(*[(f"id-{n}", n) for n in range(count)])))
    newest = [(f"id-{n}", n) for n in range(count - size, count)]
    assert shard.apply(to_batch(trades(*newest))).duplicate == size
    assert np.count_nonzero(shard.seen.remembered()["kind"]) == size
    again = restore(snapshot(shard), replace(RULES, dedupe_window=size))
    assert again.apply(to_batch(trades(*newest))).duplicate == size
    assert again.seen.remembered().tobytes() == shard.seen.remembered().tobytes()


def test_places_that_were_given_up_are_kept_over_a_recovery() -> None:
    rules = replace(RULES, dedupe_window=3)
    shard = Shard(rules)
    shard.apply(to_batch(trades(("a", 0), ("1", 0), ("1", 3600))))
    for window in (3, 2, 1):
        smaller = restore(snapshot(shard), replace(rules, dedupe_window=window))
        assert smaller.apply(to_batch(trades(("1", 3600)))).duplicate == 1


def test_many_symbols_and_exchanges_are_told_apart() -> None:
    count = 150
    given = [("7", 0, f"x{n % 3}", f"S{n}") for n in range(count)]
    shard = Shard(RULES)
    assert shard.apply(to_batch(trades(*given[:100]))).duplicate == 0
    assert shard.apply(to_batch(trades(*given))).duplicate == 100
    assert len(shard.seen.pairs()) == count
    again = restore(snapshot(shard), RULES)
    assert again.apply(to_batch(trades(*given))).duplicate == count


def test_long_numbers_are_the_same_with_zeros_before_them_and_behind_the_point() -> None:
    long = "9" * 40
    assert outcomes(trades((long, 0), ("000" + long, 0), (f" {long}.00", 0), (long + "1", 0))) == ([1, 2], 0)
