"""Reports over recordings of real venues equal the oracle: every kind, to the last digit or at its stated rounding.

The recordings lie beside the project and are no part of it (tests/golden/test_venue_bars.py). Trades go into
ClickHouse as they were recorded, bars as the oracle makes them of the same trades.
"""

from decimal import Decimal
from functools import cache
from itertools import islice

import pytest

from oracle.truth import OracleBar, OracleTrade
from tests.golden.test_venue_bars import DATA, rows_of
from tests.integration.gateway.reports.kinds.test_correlation import check_correlation
from tests.integration.gateway.reports.kinds.test_movers import check_movers
from tests.integration.gateway.reports.kinds.test_profile import check_profile
from tests.integration.gateway.reports.kinds.test_stats import check_stats
from tests.integration.gateway.reports.kinds.test_volatility import check_volatility
from tests.integration.gateway.reports.made_market import bars_of, put_bars, put_trades, told
from tests.integration.gateway.reports.report_parts import rows_of as report_rows
from tests.integration.gateway.rest_server import Market
from tests.unit.gateway.reports.asks import ask_of

MINUTE_US = 60_000_000
RECORDINGS = {"comex_gold": "trades.csv.gz", "binance_trxusdt": "trades.csv.gz", "kraken_xbtusdt": "trades.csv"}
TRADES_MAX = 25_000  # the oracle takes its time


@cache
def recorded(folder: str) -> tuple[list[OracleTrade], list[OracleBar]]:
    """Valid trades of a recording, and their bars of a minute."""
    path = DATA / folder / RECORDINGS[folder]
    if not path.is_file():
        pytest.skip(f"needs the recordings at {DATA}")
    trades = []
    for offset, row in enumerate(islice(rows_of(path), TRADES_MAX)):
        price, size, at = Decimal(row["price"]), Decimal(row["size"]), int(row["event_time_us"])
        if price > 0:
            symbol, side = row["symbol"], row["side"] or "UNKNOWN"
            trades.append(
                OracleTrade(0, offset, at // 1000, at, symbol, price, size, side, row["trade_id"], row["exchange"])
            )
    return trades, bars_of(trades, "1m")


@pytest.fixture(scope="module", params=RECORDINGS)
def recording(request: pytest.FixtureRequest, market: Market) -> tuple[list[OracleTrade], list[OracleBar]]:
    trades, bars = recorded(request.param)
    put_trades(market, trades)
    put_bars(market, bars)
    return trades, bars


Recording = tuple[list[OracleTrade], list[OracleBar]]


def test_bars_of_a_recording(market: Market, recording: Recording) -> None:
    _, bars = recording
    symbols = tuple(sorted({bar.symbol for bar in bars}))
    rows = told(report_rows(market, ask_of(symbols=symbols)))
    names = ("open", "high", "low", "close", "volume", "quoteVolume", "vwap", "tradeCount", "buyVolume", "stddev")
    fields = ("open", "high", "low", "close", "volume", "quote_volume", "vwap", "trade_count", "buy_volume", "stddev")
    found = [(row["symbol"], int(row["time"]) * 1000, *(row[name] for name in names)) for row in rows]
    wanted = [(bar.symbol, bar.start_us, *(getattr(bar, name) for name in fields)) for bar in bars]
    assert found == sorted(wanted, key=lambda bar: bar[:2])


def test_trades_of_a_recording(market: Market, recording: Recording) -> None:
    trades, _ = recording
    symbols = tuple(sorted({trade.symbol for trade in trades}))
    rows = told(report_rows(market, ask_of(kind="trades", symbols=symbols)))
    found = [
        (
            row["symbol"],
            int(row["eventTimeUs"]),
            int(row["offset"]),
            row["price"],
            row["size"],
            row["side"],
            row["tradeId"],
        )
        for row in rows
    ]
    wanted = [
        (each.symbol, each.event_time_us, each.offset, each.price, each.size, each.side, each.trade_id)
        for each in trades
    ]
    assert found == sorted(wanted, key=lambda trade: trade[:3])


def test_stats_of_a_recording(market: Market, recording: Recording) -> None:
    check_stats(market, recording[0])


def test_movers_of_a_recording(market: Market, recording: Recording) -> None:
    check_movers(market, recording[1], 5)


def test_volume_profiles_of_a_recording(market: Market, recording: Recording) -> None:
    for symbol in {trade.symbol for trade in recording[0]}:
        check_profile(market, [trade for trade in recording[0] if trade.symbol == symbol], 50)


def test_correlations_and_volatilities_of_a_recording(market: Market, recording: Recording) -> None:
    symbols = {bar.symbol for bar in recording[1]}
    assert check_volatility(market, recording[1], MINUTE_US) == len(symbols)
    defined = check_correlation(market, recording[1], MINUTE_US)
    assert (defined > 0) == (len(symbols) > 1)
