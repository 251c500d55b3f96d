"""States and totals: the newest counts, 0 ends one, peaks are of the time since they were taken."""

from core.analytics.exposure_book import ALL, ExposureBook, Total


def test_states_replace_each_other() -> None:
    book = ExposureBook()
    assert book.total() == Total()
    assert list(book.all_totals()) == [(ALL, Total())]
    book.set(("Z", "", ""), 0)
    assert list(book.all_totals()) == [(ALL, Total())], "nothing was ever held of it"
    book.set(("A", "LP", ""), 100)
    book.set(("B", "LP", "X"), -30)
    book.set(("A", "LP", ""), 40)
    assert book.total() == Total(10, 70, 130)
    assert book.total(("lp", "LP")) == Total(10, 70, 130)
    assert (book.totals("symbol"), book.totals("book")) == ({"A": 40, "B": -30}, {"X": -30})
    book.set(("A", "LP", ""), 0)
    assert book.totals("symbol") == {"B": -30}
    assert ("symbol", "A") in dict(book.all_totals())
    book.take_peaks()
    assert ("symbol", "A") not in dict(book.all_totals())
    assert book.total() == Total(-30, 30, 30)
    assert book.states == {("B", "LP", "X"): -30}
