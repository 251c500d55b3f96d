"""The report ``volatility`` equals the oracle at its stated rounding."""

from decimal import Decimal

from hypothesis import given

from oracle.reports import volatility_of
from oracle.truth import OracleBar
from tests.integration.gateway.reports.made_market import FEW, TRADES, bars_of, put_bars, symbol_of, told, trades_of
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of


def check_volatility(market: Market, bars: list[OracleBar], length_us: int, interval: str = "1m") -> int:
    closes: dict[str, dict[int, Decimal]] = {}
    for bar in sorted(bars, key=lambda bar: bar.start_us):
        closes.setdefault(bar.symbol, {})[bar.start_us] = bar.close
    ask = ask_of(kind="volatility", symbols=tuple(sorted(closes)), interval=interval)
    found = {
        row["symbol"]: (int(row["observations"]), row["volatility"], row["annualised"])
        for row in told(rows_of(market, ask))
    }
    assert found == {symbol: volatility_of(held, length_us) for symbol, held in closes.items()}
    return len(found)


def test_volatilities_are_the_oracles(market: Market) -> None:
    @FEW
    @given(TRADES)
    def check(made: list) -> None:
        bars = bars_of(trades_of(symbol_of("VOL"), made), "1m")
        put_bars(market, bars)
        check_volatility(market, bars, 60_000_000)

    check()
