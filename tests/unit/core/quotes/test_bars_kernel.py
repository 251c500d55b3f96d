"""The loop that folds quotes into bars, by hand: what a spread weighs, what is copied out, where it stops."""

import numpy as np

from core.quotes.bars_kernel import CLOSED, NEXT_ID, SEGMENTS, BarTables, Told, fold_quotes
from core.quotes.book_kernel import APPLIED, CROSSED, OUTDATED
from kernels.decimal_text import from_limbs
from oracle.quotes import OracleQuote
from schemas.quotes import QUOTE_BAR
from tests.property.quote_records import START_US, price_of, quote, quote_batch

MINUTE_US = 60_000_000


class Fold:
    """Bars of one minute and of one hour of two symbols."""

    def __init__(self, room: int = 10) -> None:
        bars = np.zeros(4, QUOTE_BAR)
        bars["version"] = -1
        lengths = np.array([MINUTE_US, 60 * MINUTE_US])
        empty, segments, registers = np.zeros(room, QUOTE_BAR), np.zeros((50, 3), np.int64), np.array([0, 0, 7])
        self.tables = BarTables(bars, empty, segments, registers, lengths, np.zeros(2, np.int64))

    def takes(self, *quotes: OracleQuote, outdated: int = -1) -> int:
        outcomes = np.array([CROSSED if each.is_crossed else APPLIED for each in quotes], np.uint8)
        if outdated >= 0:
            outcomes[outdated] = OUTDATED
        symbols = np.array([int(each.symbol == "B") for each in quotes], np.int32)
        return fold_quotes(Told(quote_batch(quotes).rows, symbols, outcomes, 100), 0, self.tables)

    def sums(self, at: int) -> tuple[int, int, int]:
        bar = self.tables.bars[at]
        return int(bar["spread_us"]), int(bar["crossed_us"]), from_limbs([int(bar[f"sum{limb}"]) for limb in range(4)])

    def segments(self) -> list[list[int]]:
        return self.tables.segments[: self.tables.registers[SEGMENTS]].tolist()


def test_sides_and_spreads_of_a_bar() -> None:
    fold = Fold()
    assert fold.takes(
        quote(0, "A", "1.5", "2"),
        quote(1, "A", "9", "9", after_us=1),
        quote(2, "A", "1.25", "2.5", after_us=10),
        quote(3, "A", "3", "1.75", after_us=30),
        quote(4, "A", "1.4", "1.9", after_us=70),
        outdated=1,
    ) == 5  # fmt: skip
    bar = fold.tables.bars[0]
    assert [float(price_of(bar, f"bid_{which}")) for which in ("open", "high", "low", "close")] == [1.5, 3, 1.25, 1.4]
    assert [float(price_of(bar, f"ask_{which}")) for which in ("open", "high", "low", "close")] == [2, 2.5, 1.75, 1.9]
    assert (float(price_of(bar, "spread_min")), float(price_of(bar, "spread_max"))) == (0.5, 1.25)
    assert (bar["count"], bar["crossed"], bar["has_spread"], bar["last_crossed"]) == (4, 1, 1, 0)
    assert (bar["first_us"], bar["last_us"], bar["version"]) == (START_US, START_US + 70, 104)
    assert fold.sums(0) == (30, 40, 10 * 5 * 10**9 + 20 * 125 * 10**8)
    assert fold.segments() == [[7, 5 * 10**9, 10], [8, 5 * 10**9, 10], [7, 125 * 10**8, 20], [8, 125 * 10**8, 20]]


def test_a_bar_of_crossed_quotes_alone_has_no_spread_of_the_bar_before() -> None:
    fold = Fold()
    fold.takes(quote(0, "A", "1", "2"), quote(1, "A", "2", "1", after_us=MINUTE_US))
    bar = fold.tables.bars[0]
    assert (bar["start_us"], bar["has_spread"], bar["crossed"]) == (START_US + MINUTE_US, 0, 1)
    assert (price_of(bar, "spread_min"), price_of(bar, "spread_max")) == (0, 0)


def test_a_later_quote_closes_a_bar_unless_it_was_given_as_it_is() -> None:
    fold = Fold()
    fold.takes(quote(0, "A"), quote(1, "B"))
    fold.tables.bars["told"][2] = 1
    fold.takes(quote(2, "A", "1.5", after_us=MINUTE_US), quote(3, "B", after_us=MINUTE_US))
    assert fold.tables.registers.tolist() == [1, 2, 13]
    closed = fold.tables.closed[0]
    assert (closed["start_us"], closed["version"], closed["last_us"], closed["spread_us"]) == (
        START_US,
        100,
        START_US,
        0,
    )
    bar = fold.tables.bars[0]
    assert (bar["start_us"], bar["id"], bar["count"]) == (START_US + MINUTE_US, 11, 1)
    fold.tables.bars["told"][0] = 1
    fold.takes(quote(4, "A", after_us=MINUTE_US + 1))
    assert fold.tables.bars["told"][0] == 0, "it changed"


def test_it_stops_before_there_is_no_room_and_goes_on() -> None:
    fold = Fold(room=2)
    quotes = [quote(number, "A", after_us=number * 60 * MINUTE_US) for number in range(4)]
    assert fold.takes(*quotes) == 2
    assert fold.tables.registers[CLOSED] == 2
    assert fold.tables.registers[NEXT_ID] == 11


def test_a_spread_of_more_than_64_bits_is_summed_whole_and_counted_as_the_greatest() -> None:
    fold = Fold()
    fold.takes(quote(0, "A", "1", "999999999999999999"), quote(1, "A", "1", "2", after_us=3))
    assert fold.sums(0)[2] == 3 * (10**28 - 2 * 10**10)
    assert fold.segments()[0] == [7, 2**63 - 1, 3]
    crossed = Fold()
    crossed.takes(quote(0, "A", "3", "2"), quote(1, "A", "1", "2", after_us=0))
    assert crossed.sums(0) == (0, 0, 0)
    assert crossed.tables.bars[0]["has_spread"] == 1
