"""Laws of quotes: any cut into batches, any restart and crash give the oracle's quotes and bars; versions only rise."""

from hypothesis import given
from hypothesis import strategies as st

from core.analytics.sketch import percentile
from core.quotes.book import QuoteBook, QuoteRules
from core.quotes.book_state import restore_book, snapshot_book
from kernels.decimal_text import units
from oracle.quotes import OracleQuote, OracleQuoteBar, recompute_bars, recompute_quotes
from schemas.intervals import INTERVALS
from schemas.quotes import QuoteBar
from tests.property.quote_records import START_US, price_of, quote_batch, quotes_of_a_log


@given(quotes_of_a_log(), st.data())
def test_whatever_the_cut_the_book_is_the_oracles(quotes: list[OracleQuote], data: st.DataObject) -> None:
    book, told = QuoteBook(QuoteRules()), dict[str, int]()
    left = quotes
    while left:
        count = data.draw(st.integers(1, len(left)))
        book.apply(quote_batch(left[:count]))
        left = left[count:]
        if data.draw(st.booleans()):
            states = book.take_changed()
            for row in states.rows:
                symbol = states.symbols[row["symbol"]]
                assert row["sequence"] > told.get(symbol, -1)
                told[symbol] = int(row["sequence"])
        if data.draw(st.booleans()):
            book = restore_book(snapshot_book(book), QuoteRules())
    truth = recompute_quotes(quotes)
    assert dict(zip(book.outcomes._fields, book.outcomes, strict=True)) == {
        name: truth.outcomes[name] for name in book.outcomes._fields
    }
    held = {book.symbols.names[row["symbol"]]: row for row in book.states[: len(book.symbols)]}
    assert set(held) == set(truth.newest)
    for symbol, quote in truth.newest.items():
        row = held[symbol]
        assert (row["sequence"], row["event_time_us"]) == (quote.offset, quote.event_time_us)
        assert (price_of(row, "bid"), price_of(row, "ask")) == (quote.bid, quote.ask)
        assert bool(row["crossed"]) == quote.is_crossed


@given(quotes_of_a_log(60), st.data())
def test_whatever_the_cut_the_newest_versions_of_bars_are_the_oracles(
    quotes: list[OracleQuote], data: st.DataObject
) -> None:
    rules = QuoteRules(intervals=(0, 1, 6), out_of_order_us=2_000_000)
    book, stored = QuoteBook(rules), dict[tuple[str, str, int], QuoteBar]()

    def store(bars: list[QuoteBar]) -> None:
        for bar in bars:
            held = stored.get((bar.symbol, bar.interval, bar.start_us))
            if held is not None and held.version == bar.version:
                assert held == bar, "what is written twice is the same"
            if held is None or bar.version > held.version:
                stored[bar.symbol, bar.interval, bar.start_us] = bar

    left = quotes
    while left:
        count = data.draw(st.integers(1, len(left)))
        kept = snapshot_book(book)
        book.apply(quote_batch(left[:count]))
        store(book.take_bars(data.draw(st.sampled_from((0, START_US + 100_000_000)))))
        if data.draw(st.booleans()):
            book = restore_book(kept, rules)  # a crash: the same records again
            book.apply(quote_batch(left[:count]))
            store(book.take_bars())
        left = left[count:]
    store(book.take_bars(2**62))
    truth = {
        (symbol, INTERVALS[index].name, start_us): bar
        for index in rules.intervals
        for (symbol, start_us), bar in recompute_bars(
            quotes, INTERVALS[index].length_us, INTERVALS[index].origin_us
        ).items()
    }
    assert set(stored) == set(truth)
    for key, bar in truth.items():
        check_bar(stored[key], bar)


def check_bar(found: QuoteBar, truth: OracleQuoteBar) -> None:
    for side, told in (("bid", truth.bids), ("ask", truth.asks)):
        sides = (told[0], max(told), min(told), told[-1])
        for which, price in zip(("open", "high", "low", "close"), sides, strict=True):
            assert getattr(found, f"{side}_{which}") == units(price)
    assert (found.count, found.crossed, found.version) == (len(truth.bids), truth.crossed, truth.version)
    assert (found.spread_us, found.crossed_us) == (truth.spread_us, truth.crossed_us)
    assert found.has_spread == bool(truth.spreads)
    spreads = [units(spread) for spread in truth.spreads] or [0]
    assert (found.spread_min, found.spread_max) == (min(spreads), max(spreads))
    assert found.spread_sum == units(truth.spread_sum)
    assert sum(found.spread.values()) == truth.spread_us
    for percent in (50, 90, 99):
        exact = min(units(truth.percentile(percent)), 2**63 - 1)
        assert abs(percentile(found.spread, percent) - exact) * 256 <= exact + 256
