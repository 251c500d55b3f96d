"""The report ``stats`` equals the oracle to the last digit, on any trades."""

from hypothesis import given

from oracle.reports import OracleStats, stats_of
from oracle.truth import OracleTrade
from tests.integration.gateway.reports.made_market import FEW, TRADES, put_trades, symbol_of, told, trades_of
from tests.integration.gateway.reports.report_parts import rows_of
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of

NAMES = {
    name: "".join(part.title() if at else part for at, part in enumerate(name.split("_")))
    for name in OracleStats._fields
}


def check_stats(market: Market, trades: list[OracleTrade]) -> None:
    """Every symbol's row, over the middle of the range too."""
    symbols = sorted({trade.symbol for trade in trades})
    times = sorted(trade.event_time_us for trade in trades)
    for low, high in ((0, times[-1]), (times[len(times) // 3], times[2 * len(times) // 3])):
        ask = ask_of(kind="stats", symbols=tuple(symbols), low_us=low, high_us=high)
        found = {row["symbol"]: row for row in told(rows_of(market, ask))}
        for symbol in symbols:
            held = [trade for trade in trades if trade.symbol == symbol and low <= trade.event_time_us <= high]
            assert (symbol in found) == bool(held)
            if held:
                wanted = stats_of(held)
                assert {name: found[symbol][NAMES[name]] for name in NAMES} == wanted._asdict()


def test_stats_are_the_oracles(market: Market) -> None:
    @FEW
    @given(TRADES, TRADES)
    def check(one: list, other: list) -> None:
        trades = trades_of(symbol_of("STATS"), one) + trades_of(symbol_of("STATS"), other)
        put_trades(market, trades)
        check_stats(market, trades)

    check()
