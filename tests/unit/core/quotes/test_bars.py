"""Bars of a partition: when they end, what they say then, and that later quotes of a slow symbol give them again."""

import numpy as np
import pytest

from core.analytics.sketch import buckets_of
from core.quotes import bars as module
from core.quotes.bars import NEVER
from core.quotes.book import QuoteBook, QuoteRules
from oracle.quotes import OracleQuote
from schemas.intervals import parse_interval
from schemas.quotes import QuoteBar
from tests.property.quote_records import START_US, quote, quote_batch

MINUTE_US = 60_000_000
RULES = QuoteRules(intervals=(0, parse_interval("1h")), out_of_order_us=5_000_000)


def after(book: QuoteBook, *quotes: OracleQuote, until_us: int = NEVER) -> list[QuoteBar]:
    book.apply(quote_batch(quotes))
    return book.take_bars(until_us)


def test_a_bar_ends_with_the_watermark_and_has_the_weight_of_its_last_quote() -> None:
    book = QuoteBook(RULES)
    assert (book.take_bars(), book.next_end_us()) == ([], None)
    assert after(book, quote(0, "A", "1.5", "2", 0), quote(1, "A", "1.5", "1.75", 20_000_000)) == []
    assert book.next_end_us() == START_US + MINUTE_US
    assert after(book, quote(2, "B", after_us=MINUTE_US + 4_999_999)) == []
    (bar,) = after(book, quote(3, "B", after_us=MINUTE_US + 5_000_000))
    assert (bar.symbol, bar.interval, bar.start_us, bar.partition, bar.version) == ("A", "1m", START_US, 0, 1)
    assert (bar.bid_open, bar.ask_open, bar.ask_close, bar.spread_min, bar.spread_max) == (
        15 * 10**9, 2 * 10**10, 175 * 10**8, 25 * 10**8, 5 * 10**9,
    )  # fmt: skip
    assert (bar.count, bar.crossed, bar.has_spread, bar.spread_us, bar.crossed_us) == (2, 0, True, MINUTE_US, 0)
    assert bar.spread_sum == 20_000_000 * 5 * 10**9 + 40_000_000 * 25 * 10**8
    wide, narrow = buckets_of(np.array([5 * 10**9, 25 * 10**8])).tolist()
    assert bar.spread == {wide: 20_000_000, narrow: 40_000_000}
    assert book.take_bars() == []


def test_a_slow_symbol_gives_its_bar_again_with_a_higher_version() -> None:
    book = QuoteBook(RULES)
    (bar,) = after(book, quote(0, "A", "1", "2"), quote(1, "B", after_us=3 * MINUTE_US))
    assert (bar.version, bar.spread_us, bar.count) == (0, MINUTE_US, 1)
    (again,) = after(book, quote(2, "A", "3", "2", 30_000_000))
    assert (again.start_us, again.version, again.count, again.crossed) == (START_US, 2, 2, 1)
    assert (again.spread_us, again.crossed_us, sum(again.spread.values())) == (30_000_000, 30_000_000, 30_000_000)
    assert after(book, quote(3, "A", "1", "2", 2 * MINUTE_US)) == [], "it was given as it is"


def test_the_clock_ends_the_bars_of_a_quiet_partition() -> None:
    book = QuoteBook(RULES)
    assert after(book, quote(0, "A", "3", "2"), until_us=START_US + MINUTE_US - 1) == []
    (bar,) = book.take_bars(START_US + MINUTE_US)
    assert (bar.has_spread, bar.spread, bar.crossed_us, bar.spread_us) == (False, {}, MINUTE_US, 0)
    assert book.next_end_us() == START_US + 60 * MINUTE_US


def test_without_intervals_there_are_none() -> None:
    book = QuoteBook(QuoteRules())
    assert after(book, quote(0, "A"), quote(1, "A", after_us=9 * MINUTE_US)) == []
    assert book.next_end_us() is None


def test_many_bars_of_one_batch_and_many_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSED_ROWS", 8)
    monkeypatch.setattr(module, "COMPACT_FROM", 10)
    book = QuoteBook(QuoteRules(intervals=(0,)))
    quotes = [quote(number, f"S{number % 3}", after_us=number * 10_000_000) for number in range(120)]
    found = after(book, *quotes)
    assert book.bars is not None
    assert {(bar.symbol, (bar.start_us - START_US) // MINUTE_US) for bar in found} == {
        (f"S{symbol}", minute) for symbol in range(3) for minute in range(19)
    }
    assert all(bar.spread_us == sum(bar.spread.values()) for bar in found)
    assert set(book.bars.counts[:, 0]) <= set(book.bars.bars["id"])
    assert after(book, quote(500, "S0", after_us=10**10)) != []


def test_nothing_read_changes_nothing_and_counts_are_added_up_when_asked() -> None:
    book = QuoteBook(RULES)
    assert after(book) == []
    after(book, *(quote(number, "A", after_us=number * 1_000) for number in range(4)))
    assert book.bars is not None
    assert [held_us for _, _, held_us in book.bars.compacted().tolist()] == [3_000, 3_000]
