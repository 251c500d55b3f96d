"""The book of a partition: what it counts, what it hands out, and when."""

from core.quotes.book import QuoteBook, QuoteOutcomes, QuoteRules
from schemas.contract import first_sequence
from schemas.rejects import Reason, Reject
from tests.property.quote_records import START_US, price_of, quote, quote_batch


def test_states_go_out_once_each_time_that_they_change() -> None:
    book = QuoteBook(QuoteRules(source_epoch=1))
    assert not book.changed
    batch = quote_batch([quote(0, "A"), quote(1, "B", "3", "2"), quote(2, "A", after_us=-1)])
    batch.rejects.append(Reject(Reason.CORRUPT, "", "quotes", 0, 3, 0, None, b""))
    batch.read, batch.next_offset, batch.partition = 4, 4, 7
    assert book.apply(batch) == QuoteOutcomes(1, 1, 1)
    assert (book.read, book.rejected, book.next_offset, book.outcomes) == (4, 1, 4, QuoteOutcomes(1, 1, 1))
    states = book.take_changed()
    assert (states.shard, len(states), states.symbols, states.exchanges) == (7, 2, ["A", "B"], ["XNAS"])
    assert [int(each) for each in states.rows["sequence"]] == [first_sequence(1), first_sequence(1) + 1]
    assert not book.changed
    assert not len(book.take_changed())
    book.apply(quote_batch([quote(4, "B", "1.5", after_us=1)]))
    assert book.changed
    (row,) = book.take_changed().rows
    assert (row["symbol"], price_of(row, "bid")) == (1, price_of(book.states[1], "bid"))
    book.touch_all()
    assert len(book.take_changed()) == 2


def test_it_grows_with_its_symbols() -> None:
    book = QuoteBook(QuoteRules())
    for first in (0, 300, 600):
        book.apply(quote_batch([quote(number, f"S{number}") for number in range(first, first + 300)]))
    states = book.take_changed()
    assert [states.symbols[number] for number in states.rows["symbol"]] == [f"S{number}" for number in range(900)]
    assert states.rows["sequence"].tolist() == list(range(900))


def test_bars_come_where_the_rules_name_intervals() -> None:
    book = QuoteBook(QuoteRules(intervals=(0,), out_of_order_us=0))
    book.apply(quote_batch([quote(0, "A"), quote(1, "B", after_us=30_000_000)]))
    assert book.next_end_us() == START_US + 60_000_000
    assert book.take_bars() == []
    assert [(bar.symbol, bar.count) for bar in book.take_bars(START_US + 60_000_000)] == [("A", 1), ("B", 1)]
    assert (QuoteBook(QuoteRules()).take_bars(), QuoteBook(QuoteRules()).next_end_us()) == ([], None)
