"""Tickers: which trade sets the price, when a day begins, what the previous close is."""

from decimal import Decimal

from core.bars.rules import Rules
from core.bars.shard import Shard
from oracle.truth import OracleTrade
from schemas.columns import APPLIED, DUPLICATE, LATE
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, bars_of, to_batch, wide

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


def test_quotes_stay_until_newer_ones_come() -> None:
    shard = Shard(PATIENT)
    batch = to_batch([OracleTrade(3, n, n, MONDAY_US + n, "A", Decimal(5), Decimal(1)) for n in range(3)])
    batch.rows["has_bid"], batch.rows["bid_lo"] = [1, 0, 0], [7, 0, 0]
    batch.rows["has_ask"], batch.rows["ask_lo"] = [0, 1, 0], [0, 8, 0]
    shard.apply(batch)
    (row,) = shard.take_live()[0].rows
    assert (row["has_bid"], row["bid_lo"], row["has_ask"], row["ask_lo"]) == (1, 7, 1, 8)
    assert (row["event_time_us"], row["first_seen_us"]) == (MONDAY_US + 2, MONDAY_US)


def test_each_trade_is_applied_refused_or_a_duplicate() -> None:
    strict = Rules(out_of_order_us=0, lateness_us=(60_000_000,) * len(INTERVALS), dedupe=True, dedupe_window=2)
    shard = Shard(strict)
    minutes = [(0, "1"), (1, "2"), (1, "2"), (10, "3"), (0, "4"), (0, "1"), (10, "x"), (1, "2")]
    given = [
        OracleTrade(3, n, n, MONDAY_US + minute * 60_000_000, "A", Decimal(5), Decimal(1), trade_id=each)
        for n, (minute, each) in enumerate(minutes)
    ]
    batch = to_batch(given)
    done = shard.apply(batch)
    assert batch.rows["outcome"].tolist() == [APPLIED, APPLIED, DUPLICATE, APPLIED, LATE, LATE, APPLIED, LATE]
    assert (done.applied, done.duplicate, done.late) == (4, 1, 3)
    assert done.refused[:3] == (3, 3, 0)
    assert done.unjudged > 0


def test_a_late_trade_revises_a_bar_that_is_not_sealed() -> None:
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(600_000_000,) * len(INTERVALS)))
    times_us = (0, 61_000_000, 1)
    for n, time_us in enumerate(times_us):
        shard.apply(to_batch([OracleTrade(3, n, n, MONDAY_US + time_us, "A", Decimal(n + 1), Decimal(1))]))
        finals = bars_of(shard.take_final())
    assert finals["A", "1m", MONDAY_US]["revision"] == 1
    assert finals["A", "1m", MONDAY_US]["close"] == 3


def test_a_trade_behind_the_watermark_revises_though_its_minute_still_waits() -> None:
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(600_000_000,) * len(INTERVALS)))
    times = [(0, "A"), (61_000_000, "B"), (1, "A")]
    given = [
        OracleTrade(3, n, n, MONDAY_US + time_us, symbol, Decimal(n + 1), Decimal(1))
        for n, (time_us, symbol) in enumerate(times)
    ]
    shard.apply(to_batch(given))
    bar = bars_of(shard.take_final())["A", "1m", MONDAY_US]
    assert (bar["revision"], bar["trade_count"], bar["close"]) == (1, 2, 3)


def test_more_bars_than_a_page_close_at_once_and_are_found_whatever_their_hash() -> None:
    count = 80
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS)))
    given = [OracleTrade(3, n, n, MONDAY_US, f"S{n}", Decimal(n + 1), Decimal(1)) for n in range(count)]
    shard.apply(to_batch(given))
    shard.apply(to_batch(given))
    shard.apply(to_batch([OracleTrade(3, count, count, MONDAY_US + 8 * DAY_US, "S0", Decimal(1), Decimal(1))]))
    finals = bars_of(shard.take_final())
    assert len(finals) == count * len(INTERVALS)
    assert {bar["trade_count"] for bar in finals.values()} == {2}
    assert len(shard.open_bars()) == len(INTERVALS)
    tickers = shard.take_live()[0]
    assert len(tickers) == count
    assert {wide(row, "price") for row in tickers.rows} == {Decimal(n) for n in range(1, count + 1)}


def test_minutes_that_move_on_within_a_batch_make_the_pool_grow() -> None:
    count, shard = 80, Shard(Rules())
    places = [(minute, symbol) for minute in range(2) for symbol in range(count)]
    given = [
        OracleTrade(3, n, n, MONDAY_US + minute * 60_000_000, f"S{symbol}", Decimal(5), Decimal(1))
        for n, (minute, symbol) in enumerate(places)
    ]
    assert shard.apply(to_batch(given)).applied == 2 * count
    bars = bars_of(shard.open_bars())
    assert len(bars) == count * (len(INTERVALS) + 1)
    assert {bar["trade_count"] for (_, interval, _), bar in bars.items() if interval != "1m"} == {2}


def test_a_day_without_a_bar_any_more_leaves_its_last_price() -> None:
    strict = Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
    shard = Shard(strict)
    for n, (symbol, day) in enumerate([("A", 0), ("B", 2), ("A", 3)]):
        shard.apply(to_batch([OracleTrade(3, n, n, MONDAY_US + day * DAY_US, symbol, Decimal(n + 5), Decimal(1))]))
        shard.take_final()
    tickers = {shard.symbols.names[row["symbol"]]: row for row in shard.take_live()[0].rows}
    assert wide(tickers["A"], "previous_close") == 5
    assert wide(tickers["A"], "price") == 7


def test_an_id_that_is_no_number_lets_the_order_of_the_log_open_the_day() -> None:
    shard = Shard(PATIENT)
    given = [("A", "5", "x"), ("A", "6", "1"), ("A", "7", "0"), ("B", "5", "2"), ("B", "6", "3"), ("B", "7", "1")]
    trades = [
        OracleTrade(3, n, n, MONDAY_US, symbol, Decimal(price), Decimal(1), trade_id=each)
        for n, (symbol, price, each) in enumerate(given)
    ]
    shard.apply(to_batch(trades))
    rows = shard.take_live()[0].rows
    assert [(wide(row, "open"), wide(row, "price")) for row in rows] == [(5, 7), (7, 6)]


def test_a_bar_that_was_announced_and_one_that_waits_to_be_sealed_are_published_once() -> None:
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(60_000_000,) * len(INTERVALS)))

    def apply(offset: int, seconds: int, symbol: str = "A") -> int:
        time_us = MONDAY_US + seconds * 1_000_000
        shard.apply(to_batch([OracleTrade(3, offset, 0, time_us, symbol, Decimal(5), Decimal(1))]))
        return len(shard.take_final())

    assert apply(0, 1) == 0
    assert len(shard.announce(MONDAY_US + 60_000_000)) == 1
    assert apply(1, 2) == 1, "it has changed since, though its end isn't passed"
    assert apply(2, 61) == 0, "it was published as it is"
    assert apply(3, 62, "B") == 0
    assert apply(4, 121) == 2, "the second minute of both"


def test_the_bar_behind_follows_a_late_trade_unless_it_opens_alone() -> None:
    rules = Rules(out_of_order_us=0, lateness_us=(DAY_US,) * len(INTERVALS), previous_close=True, exceptions=("X",))
    shard = Shard(rules)
    minutes = [(0, "5", ""), (60, "6", ""), (120, "7", "X"), (180, "8", ""), (181, "9", "")]

    def send(offset: int, seconds: int, price: str, exchange: str = "") -> None:
        time_us = MONDAY_US + seconds * 1_000_000
        shard.apply(to_batch([OracleTrade(3, offset, 0, time_us, "A", Decimal(price), Decimal(1), exchange=exchange)]))

    for offset, (seconds, price, exchange) in enumerate(minutes):
        send(offset, seconds, price, exchange)
    shard.take_final()
    send(5, 1, "4")
    assert [bar["open"] for bar in bars_of(shard.take_final()).values()] == [5, 4]
    send(6, 61, "3")
    assert [bar["close"] for bar in bars_of(shard.take_final()).values()] == [3], "that behind it opens alone"
    send(7, 121, "2", "X")
    assert [bar["close"] for bar in bars_of(shard.take_final()).values()] == [2], "that behind it is open still"
    assert bars_of(shard.take_live()[1])["A", "1m", MONDAY_US + 180_000_000]["open"] == 2


def test_a_trade_that_a_bar_refused_does_not_say_at_what_it_opens() -> None:
    shard = Shard(Rules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS), previous_close=True, exceptions=("X",)))
    places = [(0, "5", ""), (60, "6", ""), (130, "7", ""), (61, "9", "X")]
    trades = [
        OracleTrade(3, n, 0, MONDAY_US + seconds * 1_000_000, "A", Decimal(price), Decimal(1), exchange=exchange)
        for n, (seconds, price, exchange) in enumerate(places)
    ]
    assert shard.apply(to_batch(trades)).late == 1
    assert [bar["open"] for bar in bars_of(shard.take_final()).values()] == [5, 5]
