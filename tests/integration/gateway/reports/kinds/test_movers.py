"""The report ``top-movers`` has the oracle's order and digits, on any bars; percents are rounded once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.kinds.movers import percent
from oracle.reports import OracleMove, movers_of
from oracle.truth import OracleBar
from tests.integration.gateway.reports.made_market import FEW, TRADES, bars_of, put_bars, symbol_of, told, trades_of
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of


def check_movers(market: Market, bars: list[OracleBar], limit: int, interval: str = "1m") -> None:
    symbols = sorted({bar.symbol for bar in bars})
    ask = ask_of(kind="top-movers", symbols=tuple(symbols), limit=limit, interval=interval)
    rows = told(rows_of(market, ask))
    up, down = movers_of({symbol: [bar for bar in bars if bar.symbol == symbol] for symbol in symbols}, limit)
    for direction, wanted in (("up", up), ("down", down)):
        found = [row for row in rows if row["direction"] == direction]
        assert [int(row["rank"]) for row in found] == list(range(1, len(wanted) + 1))
        names = ("symbol", "open", "close", "change", "changePercent", "volume")
        assert [OracleMove(*(row[name] for name in names)) for row in found] == wanted


def test_movers_are_the_oracles(market: Market) -> None:
    @FEW
    @given(st.lists(TRADES, min_size=1, max_size=6), st.integers(1, 4))
    def check(made: list, limit: int) -> None:
        bars = [bar for trades in made for bar in bars_of(trades_of(symbol_of("MOVE"), trades), "1m")]
        put_bars(market, bars)
        check_movers(market, bars, limit)

    check()


@pytest.mark.parametrize(
    ("opened", "close", "wanted"),
    [
        ("100", "100.00005", "0"),
        ("100", "100.00015", "0.0002"),
        ("100", "99.99985", "-0.0002"),
        ("3", "4", "33.3333"),
        ("1e-10", "1e27", str(10**39 - 100)),
    ],
)
def test_percents_are_rounded_once_half_to_even(opened: str, close: str, wanted: str) -> None:
    assert percent(Decimal(opened), Decimal(close)) == wanted


def test_every_symbol_that_may_be_seen_takes_part(market: Market) -> None:
    bars = []
    for symbol, last in (("SEEN/A", "2"), ("SEEN/B", "3"), ("UNSEEN/C", "4")):
        made = [(0, Decimal(1), Decimal(1), "BUY", ""), (60_000_000, Decimal(last), Decimal(1), "BUY", "")]
        bars += bars_of(trades_of(symbol, made), "1m")
    put_bars(market, bars)
    found = rows_of(market, ask_of(kind="top-movers", access=("SEEN/*",)))
    assert [(row.symbol, row.rank) for row in found] == [("SEEN/B", 1), ("SEEN/A", 2)]
