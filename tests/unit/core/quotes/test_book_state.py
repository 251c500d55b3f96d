"""The state of a book: it goes on as it would have, and what can't be read is refused in a line."""

import msgspec
import pytest

from core.quotes.book import QuoteBook, QuoteRules
from core.quotes.book_state import VERSION, restore_book, snapshot_book
from schemas.errors import StateIncompatible
from tests.property.quote_records import quote, quote_batch


def some_book() -> QuoteBook:
    book = QuoteBook(QuoteRules(source_epoch=1))
    book.apply(quote_batch([quote(0, "A"), quote(1, "Ü", "3"), quote(2, "A", after_us=-5)]))
    return book


def test_a_restored_book_goes_on() -> None:
    one = some_book()
    other = restore_book(snapshot_book(one), QuoteRules(1))
    assert snapshot_book(other) == snapshot_book(one)
    assert (other.outcomes, other.read, other.next_offset, other.partition) == (one.outcomes, 3, 3, 0)
    for book in (one, other):
        book.apply(quote_batch([quote(3, "B"), quote(4, "A", "1.1", after_us=1)]))
    assert snapshot_book(other) == snapshot_book(one)
    assert other.symbols.names == ["A", "Ü", "B"]


def test_what_cannot_be_read_is_refused() -> None:
    state = snapshot_book(some_book())
    with pytest.raises(StateIncompatible, match="quotes can't be used"):
        restore_book(state[:-40], QuoteRules(1))
    later: list[object] = msgspec.msgpack.decode(state)
    later[0] = VERSION + 1
    with pytest.raises(StateIncompatible, match=f"version {VERSION + 1}, this program reads {VERSION}"):
        restore_book(msgspec.msgpack.encode(later), QuoteRules(1))
    with pytest.raises(StateIncompatible, match="source_epoch 1, the settings say 0"):
        restore_book(state, QuoteRules(0))
    assert restore_book(state, QuoteRules(2)).rules.source_epoch == 2


def test_bars_go_on_unless_their_intervals_are_others() -> None:
    rules = QuoteRules(intervals=(0, 3))
    one = QuoteBook(rules)
    one.apply(quote_batch([quote(0, "A"), quote(1, "B"), quote(2, "A", "1.5", after_us=7_000_000)]))
    other = restore_book(snapshot_book(one), rules)
    assert snapshot_book(other) == snapshot_book(one)
    changed = restore_book(snapshot_book(one), QuoteRules(intervals=(1,)))
    later = [quote(3, "A", after_us=9_000_000), quote(4, "B", after_us=200_000_000)]
    for book in (one, other, changed):
        book.apply(quote_batch(later))
    assert other.take_bars() == one.take_bars()
    assert [bar.interval for bar in changed.take_bars(10**17)] == ["5m", "5m"]
    assert snapshot_book(QuoteBook(rules)) == snapshot_book(restore_book(snapshot_book(QuoteBook(rules)), rules))
