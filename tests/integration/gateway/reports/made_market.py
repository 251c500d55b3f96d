"""Trades and bars that hypothesis makes, put into the tests' ClickHouse, and rows of reports as JSON tells them."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from oracle.truth import INTERVAL_US, OracleBar, OracleRules, OracleTrade, recompute
from tests.integration.gateway.rest_server import Market

BASE_US = 1_767_225_600_000_000
NUMBERS = count()
ANY_TIME = OracleRules(lateness_us=(10**16,) * len(INTERVAL_US))
"""No trade is late."""
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
"""Each example asks a real server."""
PRICES = st.one_of(
    st.decimals("99", "101", places=2),
    st.decimals("0.0000000001", "1000000", places=10),
    st.sampled_from([Decimal(100), Decimal("0.0000000001"), Decimal("12345678901234567.0123456789")]),
)
SIZES = st.one_of(st.decimals("0", "10", places=4), st.sampled_from([Decimal(0), Decimal("1234567890.0000000001")]))
STEPS = st.sampled_from([0, 0, 1, 1_000, 20_000_000, 60_000_000, 60_000_000, 3_600_000_000])
IDS = st.one_of(
    st.just(""), st.integers(0, 50).map(str), st.sampled_from(["7", "x9", "007", "12345678901234567890123"])
)
TRADES = st.lists(
    st.tuples(STEPS, PRICES, SIZES, st.sampled_from(["BUY", "SELL", "UNKNOWN"]), IDS), min_size=1, max_size=40
)


def symbol_of(name: str) -> str:
    """A symbol of its own for each example, as all share a table."""
    return f"{name}/{next(NUMBERS)}"


def trades_of(symbol: str, made: Iterable[tuple[int, Decimal, Decimal, str, str]], first: int = 0) -> list[OracleTrade]:
    at, found = BASE_US, []
    for offset, (step, price, size, side, trade_id) in enumerate(made, first):
        at += step
        found.append(OracleTrade(0, offset, at // 1000, at, symbol, price, size, side, trade_id))
    return found


def put_trades(market: Market, trades: Sequence[OracleTrade]) -> None:
    for symbol in sorted({trade.symbol for trade in trades}):
        rows = [
            {
                "time_us": trade.event_time_us,
                "price": trade.price,
                "size": trade.size,
                "offset": trade.offset,
                "side": trade.side,
                "trade_id": trade.trade_id,
            }
            for trade in trades
            if trade.symbol == symbol
        ]
        market.add_trades(symbol, rows)


def bars_of(trades: Sequence[OracleTrade], interval: str) -> list[OracleBar]:
    return [bar for key, bar in sorted(recompute(trades, ANY_TIME).bars.items()) if key[2] == interval]


def put_bars(market: Market, bars: Sequence[OracleBar]) -> None:
    fields = [name for name in OracleBar._fields if name not in ("partition", "start_us", "final", "from_us")]
    rows = [
        {
            **{name: getattr(bar, name) for name in fields},
            "start": datetime.fromtimestamp(bar.start_us / 1_000_000, UTC),
            "kafka_partition": bar.partition,
        }
        for bar in bars
    ]
    if rows:
        market.clickhouse.execute(f"INSERT INTO {market.database}.bars ({', '.join(rows[0])}) VALUES", rows)


def told(rows: Sequence[msgspec.Struct]) -> list[dict[str, Any]]:
    """Rows as a client reads them, with decimals."""
    return json.loads(msgspec.json.encode(rows), parse_float=Decimal, parse_int=Decimal)
