"""The report ``correlation`` equals the oracle at its stated rounding, for each pair once."""

from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports.kinds import correlation as correlation_module
from gateway.reports.words import TooMuch
from oracle.reports import correlation_of
from oracle.truth import OracleBar
from tests.integration.gateway.reports.made_market import FEW, TRADES, bars_of, put_bars, symbol_of, told, trades_of
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of


def check_correlation(market: Market, bars: list[OracleBar], length_us: int, interval: str = "1m") -> int:
    closes: dict[str, dict[int, Decimal]] = {}
    for bar in sorted(bars, key=lambda bar: bar.start_us):
        closes.setdefault(bar.symbol, {})[bar.start_us] = bar.close
    ask = ask_of(kind="correlation", symbols=tuple(sorted(closes)), interval=interval)
    found = [
        (row["symbol"], row["otherSymbol"], int(row["observations"]), row["correlation"])
        for row in told(rows_of(market, ask))
    ]
    wanted = [
        (one, other, *correlation_of(closes[one], closes[other], length_us))
        for one, other in combinations(sorted(closes), 2)
    ]
    assert found == wanted
    return sum(value is not None for *_, value in wanted)


def test_correlations_are_the_oracles(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation_module, "ROWS_TOGETHER", 2)

    @FEW
    @given(st.lists(TRADES, min_size=1, max_size=4))
    def check(made: list) -> None:
        bars = [bar for trades in made for bar in bars_of(trades_of(symbol_of("CORR"), trades), "1m")]
        put_bars(market, bars)
        check_correlation(market, bars, 60_000_000)

    check()


def test_more_symbols_than_it_takes_are_refused(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation_module, "SYMBOLS_MAX", 2)
    for name in "ABC":
        market.add_bars(f"CMANY/{name}", [60_000], [1])
    with pytest.raises(TooMuch, match="3 symbols are more than the 2 of such a report: name fewer"):
        rows_of(market, ask_of(kind="correlation", access=("CMANY/*",)))
