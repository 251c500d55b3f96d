"""The oracle against bars worked out by hand, and against the venues' own where the real trades are at hand."""

import csv
import gzip
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from oracle.truth import INTERVAL_US, OracleBar, OracleReject, OracleResult, OracleRules, OracleTrade, recompute
from schemas.intervals import INTERVALS
from schemas.rejects import Reason

D = Decimal
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 1440 * MINUTE
STRICT = OracleRules(out_of_order_us=0, lateness_us=(0,) * len(INTERVALS))
DATA = Path(os.environ.get("TRADES_DATA", Path(__file__).parents[4] / "shared" / "data"))


def trade(offset: int, time_us: int, price: str, size: str = "1", **more: object) -> OracleTrade:
    fields = {"symbol": "AAPL", "trade_id": "", **more}
    return OracleTrade(0, offset, -1, time_us, price=D(price), size=D(size), **fields)  # type: ignore[arg-type]


def bar_of(result: OracleResult, interval: str = "1m", start_us: int = 0) -> OracleBar:
    return result.bars[0, "AAPL", interval, start_us]


def test_one_bar_worked_out_by_hand() -> None:
    trades = [
        trade(0, 1, "10", "1", side="BUY"),
        trade(1, 2, "12", "3", side="SELL"),
        trade(2, 3, "9", "0"),
        trade(3, 4, "11", "2", side="BUY"),
    ]
    bar = bar_of(recompute(trades, OracleRules(source_epoch=2)))
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 12, 9, 11)
    assert (bar.volume, bar.quote_volume, bar.buy_volume, bar.trade_count) == (6, 68, 3, 4)
    assert bar.vwap == D("11.3333333333")
    assert bar.stddev == D("1.1180339887")  # sqrt(1.25)
    assert (bar.version, bar.revision, bar.final) == (2 * 2**44 + 3, 0, False)


def test_a_bar_opens_at_the_close_before_it_where_the_rule_says_so() -> None:
    trades = [
        trade(0, 1, "10", exchange="x"),
        trade(1, 2, "12", exchange="X"),
        trade(2, 3 * MINUTE, "11", exchange="X"),
        trade(3, 4 * MINUTE, "15", exchange="Y"),
        trade(4, 5 * MINUTE, "14", exchange="X"),
        trade(5, 5 * MINUTE + 1, "13", exchange="Y"),
    ]
    rules = OracleRules(previous_close=True, exceptions=("Y",))
    bars = [bar_of(recompute(trades, rules), start_us=n * MINUTE) for n in (0, 3, 4, 5)]
    assert [bar.open for bar in bars] == [10, 12, 15, 14], "those with a trade of Y at their first"
    assert [bar.from_us for bar in bars] == [None, 2, 4 * MINUTE, 5 * MINUTE]
    assert (bars[1].high, bars[1].low, bars[1].close, bars[1].stddev) == (12, 11, 11, 0)
    turned = recompute(trades, OracleRules(exceptions=("Y",)))
    assert [bar_of(turned, start_us=n * MINUTE).open for n in (3, 4, 5)] == [11, 11, 14]


def test_a_late_trade_moves_the_next_opening_and_one_that_came_too_late_does_not() -> None:
    rules = OracleRules(out_of_order_us=0, lateness_us=(MINUTE,) * len(INTERVALS), previous_close=True)
    trades = [trade(0, 1, "10"), trade(1, MINUTE, "11"), trade(2, 2 * MINUTE - 1, "12"), trade(3, 2, "9")]
    bar = bar_of(recompute(trades, rules), start_us=MINUTE)
    assert (bar.open, bar.low, bar.version, bar.revision) == (9, 9, 3, 0)
    trades[2] = trade(2, 2 * MINUTE, "12")
    for fold_late, close in ((False, 10), (True, 9)):
        result = recompute(trades, rules._replace(fold_late=fold_late))
        first, second = bar_of(result), bar_of(result, start_us=MINUTE)
        assert (first.close, second.open, second.version) == (close, 10, 1)
        assert result.outcomes[0, 3] == ("applied" if fold_late else "late")


def test_vwap_rounds_half_even_and_is_none_without_volume() -> None:
    even = bar_of(recompute([trade(0, 1, "0.0000000001"), trade(1, 2, "0.0000000002")], OracleRules()))
    assert even.vwap == D("0.0000000002")
    odd = bar_of(recompute([trade(0, 1, "0.0000000002"), trade(1, 2, "0.0000000003")], OracleRules()))
    assert odd.vwap == D("0.0000000002")
    assert bar_of(recompute([trade(0, 1, "5", "0")], OracleRules())).vwap is None


def test_stddev_rounds_half_up() -> None:
    pair = bar_of(recompute([trade(0, 1, "0.0000000001"), trade(1, 2, "0.0000000002")], OracleRules()))
    assert pair.stddev == D("0.0000000001")  # exactly 0.5 units


def test_the_greatest_values_are_exact() -> None:
    price = "999999999999999999.9999999999"
    bar = bar_of(recompute([trade(0, 1, price, price), trade(1, 1, price, price)], OracleRules()))
    sign, digits, exponent = bar.quote_volume.as_tuple()
    assert (sign, int("".join(map(str, digits))), exponent) == (0, 2 * (10**28 - 1) ** 2, -20)
    assert bar.vwap == D(price)
    assert bar.stddev == 0


@pytest.mark.parametrize(
    ("ids", "opening", "closing"),
    [
        (("2", "10", "9"), 1, 2),  # as numbers, not as text
        (("2", "10", ""), 1, 3),  # one without an id: offsets decide
        (("2", "10", "x9"), 1, 3),
        (("2", "10", "9" * 19), 1, 3),
        (("3", "2", "1"), 3, 1),
    ],
)
def test_open_and_close_inside_one_microsecond(ids: tuple[str, ...], opening: int, closing: int) -> None:
    bar = bar_of(recompute([trade(n, 7, str(n + 1), trade_id=each) for n, each in enumerate(ids)], OracleRules()))
    assert (bar.open, bar.close) == (opening, closing)


def test_bars_align_to_utc_and_weeks_to_monday() -> None:
    thursday_noon = DAY // 2
    starts = {key[2]: key[3] for key in recompute([trade(0, thursday_noon, "1")], OracleRules()).bars}
    assert starts == {**dict.fromkeys(INTERVAL_US, thursday_noon), "1D": 0, "1W": -3 * DAY}
    monday = 4 * DAY
    assert bar_of(recompute([trade(0, monday, "1")], OracleRules()), "1W", monday).trade_count == 1


def test_late_is_per_interval_and_the_trade_counts_once() -> None:
    result = recompute([trade(0, 2 * MINUTE, "1"), trade(1, 1, "2"), trade(2, 2 * MINUTE, "3")], STRICT)
    assert result.counts[0] == {"read": 3, "applied": 2, "duplicate": 0, "late": 1, "rejected": 0}
    assert result.outcomes[0, 1] == "late"
    assert (0, "AAPL", "1m", 0) not in result.bars
    assert bar_of(result, "5m").trade_count == 3


def test_the_watermark_that_decides_is_that_of_earlier_trades() -> None:
    rules = OracleRules(out_of_order_us=MINUTE, lateness_us=(0,) * len(INTERVALS))
    result = recompute(
        [trade(0, 2 * MINUTE - 1, "1"), trade(1, 3, "2"), trade(2, 2 * MINUTE, "3"), trade(3, 4, "4")], rules
    )
    assert [result.outcomes[0, offset] for offset in range(4)] == ["applied", "applied", "applied", "late"]


def test_a_revision_is_a_trade_into_an_existing_ended_bar() -> None:
    rules = OracleRules(out_of_order_us=0, lateness_us=(10 * MINUTE,) * len(INTERVALS))
    trades = [trade(0, 5, "1"), trade(1, 70 * 1_000_000, "1"), trade(2, 6, "2"), trade(3, 4, "3")]
    result = recompute(trades, rules)
    bar = bar_of(result)
    assert (bar.revision, bar.version, bar.final, bar.open, bar.close) == (2, 3, True, 3, 2)
    created_late = recompute([trade(0, 70 * 1_000_000, "1"), trade(1, 6, "2")], rules)
    assert bar_of(created_late).revision == 0


def test_duplicates_do_nothing_at_all() -> None:
    rules = STRICT._replace(dedupe=True)
    ids = ["10", "10", "9", "4200", "104", "105", "105", "", "", "x", "x", "010"]
    trades = [trade(n, n, "1", trade_id=each) for n, each in enumerate(ids)]
    result = recompute(trades, rules)
    duplicates = [offset for (_, offset), outcome in result.outcomes.items() if outcome == "duplicate"]
    assert duplicates == [1, 6, 10, 11]
    assert result.unjudged == {0: 2}, "those without an id"
    far_future = [
        trade(0, 1, "1", trade_id="1"),
        trade(1, 10 * MINUTE, "1", trade_id="1"),
        trade(2, 2, "1", trade_id="2"),
    ]
    assert recompute(far_future, rules).outcomes[0, 2] == "applied"


def test_what_the_window_forgot_is_applied_and_counted() -> None:
    rules = OracleRules(lateness_us=(10**17,) * len(INTERVALS), dedupe=True, dedupe_window=2)
    trades = [trade(n, n, "1", trade_id=str(n)) for n in range(3)]
    again = [trade(3, 0, "1", trade_id="0"), trade(4, 0, "1", trade_id="0")._replace(exchange="y")]
    result = recompute([*trades, *again], rules)
    assert (result.counts[0]["duplicate"], result.unjudged[0]) == (0, 1)


def test_an_id_far_away_in_event_time_is_another_trades() -> None:
    rules = OracleRules(lateness_us=(10**17,) * len(INTERVALS), dedupe=True, dedupe_span_us=HOUR)
    times_us = [0, HOUR - 1, HOUR, 2 * HOUR, 1]
    result = recompute([trade(n, time_us, "1", trade_id="1") for n, time_us in enumerate(times_us)], rules)
    assert [result.outcomes[0, n] for n in range(5)] == ["applied", "duplicate", "applied", "applied", "applied"]
    assert result.unjudged == {0: 1}, "what was there at the last one's time is forgotten"


def test_partitions_are_worlds_of_their_own() -> None:
    here, there = trade(0, 10 * MINUTE, "1"), trade(0, 1, "2")._replace(partition=1)
    result = recompute([here, there], STRICT)
    assert result.counts[1]["applied"] == 1
    assert result.watermark_us == {0: 10 * MINUTE, 1: 1}


def test_rejects_are_counted_by_reason() -> None:
    result = recompute([OracleReject(3, 0, Reason.CORRUPT), OracleReject(3, 1, Reason.CORRUPT)], OracleRules())
    assert result.counts[3] == {"read": 2, "applied": 0, "duplicate": 0, "late": 0, "rejected": 2}
    assert result.rejects == {3: {Reason.CORRUPT: 2}}


def test_ticker_worked_out_by_hand() -> None:
    trades = [
        trade(0, 1, "8", bid=D(7), ask=D(9), exchange="A"),
        trade(1, 3 * DAY + 9, "10", exchange="B"),
        trade(2, 3 * DAY + 5, "11", "4", bid=D(6), exchange="C"),
    ]
    ticker = recompute(trades, OracleRules(out_of_order_us=DAY)).tickers[0, "AAPL"]
    assert (ticker.price, ticker.open, ticker.high, ticker.low, ticker.volume) == (10, 11, 11, 10, 5)
    assert (ticker.previous_close, ticker.change, ticker.change_percent) == (8, 2, D("25.0000"))
    assert (ticker.bid, ticker.ask, ticker.exchange) == (6, 9, "C")
    assert (ticker.sequence, ticker.event_time_us) == (2, 3 * DAY + 9)
    first_day = recompute(trades[:1], OracleRules()).tickers[0, "AAPL"]
    assert (first_day.previous_close, first_day.change, first_day.change_percent) == (None, None, None)


def test_the_previous_close_is_that_of_the_last_day_with_trades_and_its_percentage_goes_to_even() -> None:
    trades = [trade(0, 1, "5"), trade(1, DAY, "2"), trade(2, 4 * DAY, "2.000001")]
    ticker = recompute(trades, OracleRules()).tickers[0, "AAPL"]
    assert (ticker.previous_close, ticker.change_percent) == (2, 0)  # 0.00005, half a digit


def test_only_buys_are_bought() -> None:
    bar = bar_of(recompute([trade(0, 1, "1", "2", side="BUY"), trade(1, 2, "1", "3")], OracleRules()))
    assert (bar.buy_volume, bar.volume) == (2, 5)


def test_a_bar_is_final_and_revised_from_the_moment_of_its_end_on() -> None:
    rules = OracleRules(out_of_order_us=0, lateness_us=(MINUTE,) * len(INTERVALS))
    bar = bar_of(recompute([trade(0, 1, "1"), trade(1, MINUTE, "1"), trade(2, 2, "1")], rules))
    assert (bar.final, bar.revision) == (True, 1)
    late = recompute([trade(0, 1, "1"), trade(1, 2 * MINUTE, "1"), trade(2, 2, "1")], rules)
    assert late.outcomes[0, 2] == "late"


def test_bars_come_out_sorted() -> None:
    trades = [trade(0, MINUTE, "1", symbol="B"), trade(1, 1, "1", symbol="B"), trade(2, 1, "1", symbol="A")]
    keys = [
        (bar.symbol, bar.interval, bar.start_us) for bar in recompute(trades, OracleRules()).sorted_bars(["5m", "1m"])
    ]
    assert keys == [("A", "1m", 0), ("A", "5m", 0), ("B", "1m", 0), ("B", "1m", MINUTE), ("B", "5m", 0)]


def rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from csv.DictReader(lines)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs recorded trades (TRADES_DATA)")
@pytest.mark.parametrize(
    ("trades", "bars", "matching"),
    [
        ("comex_gold/trades.csv.gz", "comex_gold/bars_1m.csv.gz", 4681),
        ("binance_trxusdt/trades.csv.gz", "binance_trxusdt/bars_1m.csv", 16),
        ("kraken_xbtusdt/trades.csv", "kraken_xbtusdt/bars_1m.csv", 273),
    ],
)
def test_venues_bars_come_out_to_the_last_digit(trades: str, bars: str, matching: int) -> None:
    items: list[OracleTrade | OracleReject] = []
    for offset, row in enumerate(rows(DATA / trades)):
        times = (-1, int(row["event_time_us"]))
        numbers = (D(row["price"]), D(row["size"]))
        if numbers[0] > 0:
            items.append(OracleTrade(0, offset, *times, row["symbol"], *numbers, row["side"], row["trade_id"]))
    result = recompute(items, OracleRules())
    assert result.counts[0]["applied"] == len(items)
    same = 0
    for row in rows(DATA / bars):
        bar = result.bars.get((0, row["symbol"], "1m", 1000 * int(row["start_ms"])))
        given = {name: D(text) for name, text in row.items() if text and name not in ("symbol", "start_ms")}
        same += bar is not None and all(getattr(bar, name) == value for name, value in given.items())
    assert same == matching
