"""Recorded sessions of venues: every trade that stands in them, and the candles that the venue made of its own trades.

What should come out is read here by Python's JSON with decimals, straight from the frames. The recordings lie beside
the project (see test_venue_bars); without them there is nothing to compare.
"""

import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.bars.shard import Shard
from feeds.binance import BINANCE_FUTURES
from feeds.bitget import BITGET
from feeds.recording import address_of, frames
from feeds.venues import venue_at
from flows.bars import rules_for_files
from flows.reading import rules_of
from jobs.ingest.known_trades import KnownTrades
from jobs.ingest.trade_batches import TradeBatches
from jobs.verify import oracle_rules
from oracle.truth import recompute
from runtime.settings.whole import load_settings
from schemas.intervals import INTERVALS
from tests.golden.test_venue_bars import DATA
from tests.property import trade_batches
from tests.unit.connectors.batches import trade_of

SESSIONS = sorted((DATA / "feeds").glob("*.ws.*.gz"))
MINUTE_MS = 60_000
OHLCV = ("open", "high", "low", "close", "volume")


def messages(path: Path) -> Iterator[Any]:
    """Each received frame that is JSON, with numbers as decimals."""
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        if found := re.fullmatch(r"[\d.]+: ([\[{].*)", line):
            yield json.loads(found[1], parse_float=Decimal, parse_int=Decimal)


def told_by(path: Path) -> list[tuple[str, Decimal, Decimal]]:
    """(venue's name of the market, price, size) of every trade in the frames, oldest first within one."""
    found: list[tuple[str, Decimal, Decimal]] = []
    for message in messages(path):
        found += list(trades_of(message))
    return found


def trades_of(message: Any) -> Iterator[tuple[str, Decimal, Decimal]]:
    if isinstance(message, list):  # Kraken, V1
        if message[-2] == "trade":
            rows = [(message[-1], row[0], row[1], Decimal(row[2])) for row in message[1]]
            yield from oldest_first(rows)
        return
    inside = message.get("data", message)
    channel = str(message.get("arg", {}).get("channel", message.get("topic", "")))
    if isinstance(inside, dict) and inside.get("e") in ("aggTrade", "trade"):  # Binance
        yield inside["s"], Decimal(inside["p"]), Decimal(inside["q"])
    elif message.get("type") in ("match", "last_match"):  # Coinbase
        yield message["product_id"], Decimal(message["price"]), Decimal(message["size"])
    elif channel == "trade" and isinstance(inside, list):  # Bitget, V1
        name = message["arg"]["instId"]
        yield from oldest_first([(name, row[1], row[2], Decimal(row[0])) for row in inside])
    elif channel == "trades" and isinstance(inside, list):  # OKX
        yield from oldest_first([(row["instId"], row["px"], row["sz"], Decimal(row["ts"])) for row in inside])
    elif channel.startswith("trade."):  # Bybit, V1
        yield from oldest_first([(row["symbol"], row["price"], row["size"], row["trade_time_ms"]) for row in inside])


def oldest_first(rows: list[tuple[str, Any, Any, Decimal]]) -> Iterator[tuple[str, Decimal, Decimal]]:
    turned = rows[::-1] if rows and rows[0][3] > rows[-1][3] else rows
    for name, price, size, _ in turned:
        yield name, Decimal(price), Decimal(size)


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.name)
def test_every_trade_of_a_session_arrives_exactly(path: Path) -> None:
    address = address_of(path)
    assert address is not None
    venue = venue_at(address)
    assert venue is not None
    told = [venue.told(frame.data, frame.received_us) for frame in frames(path)]
    assert [each.unreadable for each in told if each.unreadable] == []
    known = KnownTrades()
    trades = [trade for each in told for trade in known.fresh(each.trades)]
    batch = TradeBatches(venue.exchange).make(trades)
    assert not batch.rejects
    rows = [trade_of(row, batch.text) for row in batch.rows]
    made = [
        (trade.venue_symbol, Decimal(row["price"]).scaleb(-10), Decimal(row["size"]).scaleb(-10))
        for trade, row in zip(trades, rows, strict=True)
    ]
    assert made == told_by(path)
    assert known.repeated == 0


def klines_of(path: Path) -> Iterator[tuple[list[tuple[str, str]], list[Decimal]]]:
    """Each state of a candle of Binance all of whose trades stand in the session: their markets and ids, and its open,
    high, low, close and volume."""
    inside = [message.get("data", {}) for message in messages(path)]
    spans = {(each["s"], each["f"]): (each["l"], str(each["a"])) for each in inside if each.get("e") == "aggTrade"}
    for candle in (each["k"] for each in inside if each.get("e") == "kline"):
        at, ids = candle["f"], []
        while (span := spans.get((candle["s"], at))) is not None and span[0] <= candle["L"]:
            ids.append((candle["s"], span[1]))
            at = span[0] + 1
        if at == candle["L"] + 1:
            yield ids, [Decimal(candle[name]) for name in "ohlcv"]


def test_bars_of_a_session_are_the_candles_of_binance_as_they_grow() -> None:
    path = DATA / "feeds" / "BINANCE_FUTURES.ws.1.0.gz"
    if not path.is_file():
        pytest.skip(f"needs the recordings at {DATA}")
    told = [BINANCE_FUTURES.told(frame.data, frame.received_us).trades for frame in frames(path)]
    by_id = {(trade.venue_symbol, trade.trade_id): trade for trades in told for trade in trades}
    compared = 0
    for ids, candle in klines_of(path):
        shard = Shard(rules_for_files(rules_of(load_settings()), None))
        shard.apply(TradeBatches(BINANCE_FUTURES.exchange).make([by_id[each] for each in ids]))
        bars = trade_batches.bars_of(shard.open_bars())
        (made,) = [bar for (_, interval, _), bar in bars.items() if interval == "1m"]
        assert [made[name] for name in OHLCV] == candle
        compared += 1
    assert compared == 15, "states of candles that the session holds from their first trade"


def candles_of(path: Path) -> dict[tuple[str, int], list[Decimal]]:
    """(market, start in ms) -> open, high, low, close, volume in its last form."""
    found: dict[tuple[str, int], list[Decimal]] = {}
    for message in messages(path):
        if isinstance(message, dict) and message.get("arg", {}).get("channel") == "candle1m" and "data" in message:
            for row in message["data"]:
                found[message["arg"]["instId"], int(row[0])] = [Decimal(number) for number in row[1:6]]
    return found


@pytest.mark.parametrize(("name", "whole"), [("BITGET.ws.1.0.gz", 52), ("BITGET.ws.2.0.gz", 3)])
def test_bars_of_a_session_are_the_candles_of_bitget(name: str, whole: int) -> None:
    path = DATA / "feeds" / name
    if not path.is_file():
        pytest.skip(f"needs the recordings at {DATA}")
    candles = candles_of(path)
    told = [BITGET.told(frame.data, frame.received_us).trades for frame in frames(path)]
    batch = TradeBatches(BITGET.exchange).make([trade for trades in told for trade in trades])
    symbols = {trade.symbol: trade.venue_symbol for trades in told for trade in trades}
    settings = load_settings(candle_open="BITGET=previous-close")
    shard = Shard(rules_for_files(rules_of(settings), None))
    shard.apply(batch)
    bars = trade_batches.bars_of(shard.open_bars()) | trade_batches.bars_of(shard.take_final())
    made = {
        (symbols[symbol], start_us // 1000): [bar[name] for name in OHLCV]
        for (symbol, interval, start_us), bar in bars.items()
        if interval == "1m"
    }
    compared = 0
    for market in symbols.values():
        # The first and the last minute of a session are cut.
        for start_ms in sorted(start_ms for each, start_ms in made if each == market)[1:-1]:
            if (market, start_ms) in candles and (market, start_ms - MINUTE_MS) in candles:
                assert made[market, start_ms] == candles[market, start_ms]
                compared += 1
    assert compared == whole, "minutes that the session holds from their first to their last trade"
    rules = oracle_rules(settings)._replace(lateness_us=(10**17,) * len(INTERVALS))
    oracle = recompute([trade_batches.trade_of(row, batch.text) for row in batch.rows], rules)
    assert all(bars[bar[1:4]]["open"] == bar.open for bar in oracle.bars.values())
