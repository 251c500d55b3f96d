"""Tickers: which trade sets the price, when a day begins, what the previous close is."""

from decimal import Decimal

from core.bars.rules import Rules
from core.bars.shard import Shard
from oracle.truth import OracleTrade
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, to_batch, wide

DAY_US = 86_400_000_000
PATIENT = Rules(lateness_us=(10 * DAY_US,) * len(INTERVALS))


def ticker_after(rules: Rules, *trades: tuple[int, str]) -> dict[str, object]:
    shard = Shard(rules)
    for offset, (time_us, price) in enumerate(trades):
        shard.apply(to_batch([OracleTrade(3, offset, offset, MONDAY_US + time_us, "A", Decimal(price), Decimal(1))]))
        shard.take_final()
    row = shard.take_live()[0].rows[0]
    names = ("price", "open", "high", "low", "volume")
    previous = wide(row, "previous_close") if row["has_previous_close"] else None
    return {**{name: wide(row, name) for name in names}, "previous": previous, "sequence": int(row["sequence"])}


def test_the_price_is_the_latest_in_event_time_and_the_sequence_the_latest_in_the_log() -> None:
    ticker = ticker_after(PATIENT, (10, "5"), (5, "4"))
    assert (ticker["price"], ticker["open"], ticker["sequence"]) == (5, 4, 1)


def test_a_new_day_starts_anew_and_remembers_the_last_close() -> None:
    ticker = ticker_after(PATIENT, (0, "5"), (1, "6"), (DAY_US, "7"))
    assert ticker == {"price": 7, "open": 7, "high": 7, "low": 7, "volume": 1, "previous": 6, "sequence": 2}


def test_a_late_trade_of_yesterday_corrects_the_previous_close() -> None:
    assert ticker_after(PATIENT, (0, "5"), (DAY_US, "7"), (DAY_US - 1, "6"))["previous"] == 6


def test_a_late_trade_of_a_day_in_between_becomes_the_previous_close() -> None:
    assert ticker_after(PATIENT, (0, "5"), (2 * DAY_US, "7"), (DAY_US, "6"))["previous"] == 6


def test_the_previous_close_outlives_the_sealed_bar_it_came_from() -> None:
    strict = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
    ticker = ticker_after(strict, (0, "5"), (DAY_US + 1, "6"), (5 * DAY_US, "7"))
    assert (ticker["previous"], ticker["price"]) == (6, 7)


def test_a_ticker_keeps_the_newest_time_and_the_last_bid_and_ask() -> None:
    shard = Shard(PATIENT)
    first = OracleTrade(3, 0, 0, MONDAY_US + 9, "A", Decimal(1), Decimal(1), bid=Decimal(3), ask=Decimal(4))
    shard.apply(to_batch([first, OracleTrade(3, 1, 0, MONDAY_US + 5, "A", Decimal(2), Decimal(1))]))
    row = shard.take_live()[0].rows[0]
    assert (int(row["event_time_us"]), int(row["first_seen_us"])) == (MONDAY_US + 9, MONDAY_US + 5)
    assert (row["has_bid"], wide(row, "bid"), row["has_ask"], wide(row, "ask")) == (1, 3, 1, 4)


def test_a_ticker_keeps_the_figures_of_a_day_that_was_sealed_meanwhile() -> None:
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS)))
    trades = [(0, "A", "5"), (1, "A", "6"), (DAY_US, "B", "1")]
    shard.apply(
        to_batch(
            [
                OracleTrade(3, offset, 0, MONDAY_US + time_us, symbol, Decimal(price), Decimal(1))
                for offset, (time_us, symbol, price) in enumerate(trades)
            ]
        )
    )
    shard.take_final()
    row = shard.take_live()[0].rows[0]
    assert [wide(row, name) for name in ("open", "high", "low", "price", "volume")] == [5, 6, 5, 6, 2]
