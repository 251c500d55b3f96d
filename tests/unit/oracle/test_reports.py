"""The oracle of reports by hand: numbers that can be checked with a pencil."""

from decimal import Decimal

from oracle.reports import (
    OracleMove,
    correlation_of,
    movers_of,
    profile_of,
    returns_of,
    stats_of,
    volatility_of,
)
from oracle.truth import OracleRules, OracleTrade, recompute


def trade(offset: int, price: str, size: str, *, at: int = 0, side: str = "BUY", trade_id: str = "") -> OracleTrade:
    return OracleTrade(0, offset, 0, at, "S", Decimal(price), Decimal(size), side, trade_id)


def test_stats_of_three_trades() -> None:
    found = stats_of([trade(1, "2", "1", at=5), trade(2, "4", "0", at=5, side="SELL"), trade(3, "3", "3", at=1)])
    assert (found.open, found.high, found.low, found.close) == (3, 4, 2, 4)
    assert (found.volume, found.buy_volume, found.quote_volume, found.vwap) == (4, 4, 11, Decimal("2.75"))
    assert (found.tick_count, found.trades, found.first_time_us, found.last_time_us) == (3, 2, 1, 5)
    assert found.volatility == Decimal("0.8164965809"), "sqrt(2/3)"
    nothing = stats_of([trade(1, "2", "0")])
    assert (nothing.vwap, nothing.volatility) == (None, 0)


def test_at_one_time_ids_decide_where_all_are_numbers() -> None:
    numbered = [trade(1, "5", "1", trade_id="10"), trade(2, "6", "1", trade_id="9")]
    assert (stats_of(numbered).open, stats_of(numbered).close) == (6, 5)
    named = [*numbered, trade(3, "7", "1", trade_id="x")]
    assert (stats_of(named).open, stats_of(named).close) == (5, 7)


def test_movers_are_ordered_by_their_ratio_and_then_by_name() -> None:
    bars = {}
    for symbol, prices in {"A": "10 11", "B": "20 22", "C": "10 9", "D": "5 5", "E": "10 12"}.items():
        trades = [
            OracleTrade(0, at, 0, at * 60_000_000, symbol, Decimal(price), Decimal(2))
            for at, price in enumerate(prices.split())
        ]
        found = recompute(trades, OracleRules()).bars
        bars[symbol] = [bar for key, bar in found.items() if key[2] == "1m"]
    up, down = movers_of(bars, 2)
    assert [move.symbol for move in up] == ["E", "A"]
    assert down == [OracleMove("C", Decimal(10), Decimal(9), Decimal(-1), Decimal(-10), Decimal(4))]


def test_a_profile_has_its_most_traded_price_and_the_area_around_it() -> None:
    trades = [
        trade(at, price, size) for at, (price, size) in enumerate([("10", "5"), ("11", "1"), ("13", "4"), ("14", "1")])
    ]
    found = profile_of(trades, 5)
    assert [(each.low, each.volume) for each in found] == [(10, 5), (11, 1), (12, 0), (13, 4), (14, 1)]
    assert [each.control for each in found] == [True, False, False, False, False]
    assert [each.area for each in found] == [True, True, True, True, False]
    wider = profile_of(trades, 4)
    assert [(each.low, each.high, each.volume) for each in wider] == [(10, 12, 6), (12, 14, 4), (14, 16, 1)]
    assert not any(each.control or each.area for each in profile_of([trade(1, "3", "0")], 4))


def test_returns_stand_between_bars_that_follow_one_another() -> None:
    closes = {0: Decimal(1), 1: Decimal(2), 3: Decimal(1)}
    assert returns_of(closes, 1) == {1: Decimal("0.693147181")}
    assert volatility_of(closes, 86_400_000_000) == (0, 0, None)
    daily = {at * 86_400_000_000: close for at, close in enumerate([Decimal(1), Decimal(2)])}
    assert volatility_of(daily, 86_400_000_000) == (1, Decimal("0.693147181"), Decimal("13.242558299"))


def test_correlation_by_hand() -> None:
    one = dict(enumerate(map(Decimal, (1, 2, 2, 4))))
    assert correlation_of(one, one, 1) == (3, 1)
    other = dict(enumerate(map(Decimal, (4, 2, 2, 1))))
    assert correlation_of(one, other, 1) == (3, -1)
    assert correlation_of(one, {0: Decimal(1), 1: Decimal(2)}, 1) == (1, None)
    assert correlation_of(one, dict.fromkeys(range(4), Decimal(7)), 1) == (3, None)
