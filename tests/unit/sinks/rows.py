"""Rows for tests of sinks: BAR, TICKER and TRADE tables from plain numbers."""

from decimal import Decimal
from typing import Any

import numpy as np

from kernels.decimal_text import to_limbs, to_pair, units
from schemas.columns import BAR, TICKER, TRADE, BarBatch, TickerBatch, TradeBatch
from schemas.intervals import INTERVAL_INDEX

__all__ = ["bars", "tickers", "trades"]

MINUTE_US = 60_000_000
START_US = 1_700_000_040_000_000
Number = str | int | Decimal


def put(row: Any, name: str, value: Number | None) -> None:
    if value is not None:
        row[name + "_hi"], row[name + "_lo"] = to_pair(units(value))


def bars(*fields: dict[str, Any]) -> BarBatch:
    """One bar per dict: symbol, interval ("1m"), start_us, version, final, revision and any decimal of BAR by name."""
    symbols: list[str] = []
    rows = np.zeros(len(fields), BAR)
    for row, given in zip(rows, fields, strict=True):
        symbol = given.get("symbol", "AAPL")
        if symbol not in symbols:
            symbols.append(symbol)
        row["symbol"] = symbols.index(symbol)
        row["interval"] = INTERVAL_INDEX[given.get("interval", "1m")]
        row["start_us"] = given.get("start_us", START_US)
        for name in ("version", "final", "revision"):
            row[name] = given.get(name, 0)
        row["trade_count"] = given.get("trade_count", 1)
        for name in ("open", "high", "low", "close", "volume", "buy_volume", "stddev"):
            put(row, name, given.get(name, "1.5"))
        row["has_vwap"] = given.get("vwap", "1.5") is not None
        put(row, "vwap", given.get("vwap", "1.5"))
        row["quote_volume"] = to_limbs(units(given.get("quote_volume", "2.25"), 20))
    return BarBatch(symbols, rows)


def tickers(*fields: dict[str, Any]) -> TickerBatch:
    """One ticker per dict: symbol, exchange, sequence, event_time_us, decimals of TICKER by name (None: absent)."""
    symbols: list[str] = []
    exchanges: list[str] = []
    rows = np.zeros(len(fields), TICKER)
    for row, given in zip(rows, fields, strict=True):
        for name, default, known in (("symbol", "AAPL", symbols), ("exchange", "XNAS", exchanges)):
            text = given.get(name, default)
            if text not in known:
                known.append(text)
            row[name] = known.index(text)
        row["sequence"] = given.get("sequence", 1)
        row["event_time_us"] = given.get("event_time_us", START_US)
        row["first_seen_us"] = given.get("first_seen_us", START_US)
        for name in ("price", "open", "high", "low", "volume"):
            put(row, name, given.get(name, "1.5"))
        for name in ("bid", "ask", "previous_close"):
            put(row, name, given.get(name))
            row["has_" + name] = given.get(name) is not None
    return TickerBatch(symbols, exchanges, rows)


def trades(*fields: dict[str, Any], partition: int = 0, first_offset: int = 0) -> TradeBatch:
    """One trade per dict: symbol, trade_id, exchange, event_time_us, price, size, side, bid, ask, outcome, offset."""
    text = bytearray()
    rows = np.zeros(len(fields), TRADE)
    for index, (row, given) in enumerate(zip(rows, fields, strict=True)):
        for name, default in (("symbol", "AAPL"), ("trade_id", ""), ("exchange", "XNAS")):
            encoded = given.get(name, default).encode()
            row[name + "_at"], row[name + "_len"] = len(text), len(encoded)
            text += encoded
        row["offset"] = given.get("offset", first_offset + index)
        row["timestamp_ms"] = given.get("timestamp_ms", START_US // 1000)
        row["event_time_us"] = given.get("event_time_us", START_US + index)
        put(row, "price", given.get("price", "1.5"))
        put(row, "size", given.get("size", "2"))
        for name in ("bid", "ask"):
            put(row, name, given.get(name))
            row["has_" + name] = given.get(name) is not None
        row["side"] = given.get("side", 0)
        row["outcome"] = given.get("outcome", 0)
    return TradeBatch("trades", partition, rows, bytes(text), len(rows), first_offset + len(rows))
