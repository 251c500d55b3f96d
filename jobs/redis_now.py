"""Reads back what flows keep in Redis and compares it with the oracle: tickers, live and final bars, quotes.

The demo's proof calls it with the oracle's result. Every number is compared as an exact decimal. Every key that the
oracle expects must be there; keys that it doesn't expect are differences too.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, cast

import redis

from oracle.comparison import Comparison, Difference, StoredBar, decided_bars, wins
from oracle.quotes import OracleQuote, mid_of, spread_of
from oracle.truth import OracleBar, OracleResult, OracleTicker
from schemas.names import RedisKeys
from sinks.redis.homes import keys_of_symbols

__all__ = ["compare_now", "quote_differences"]

BAR_FIELDS: Final = {
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
    "volume": "volume",
    "quoteVolume": "quote_volume",
    "vwap": "vwap",
    "tradeCount": "trade_count",
    "buyVolume": "buy_volume",
    "stddev": "stddev",
    "revision": "revision",
    "sequence": "version",
}
TICKER_FIELDS: Final = {
    "price": "price",
    "open": "open",
    "high": "high",
    "low": "low",
    "volume": "volume",
    "previousClose": "previous_close",
    "change": "change",
    "changePercent": "change_percent",
    "bid": "bid",
    "ask": "ask",
    "sequence": "sequence",
}
TICKER: Final = "ticker"
PIPELINE_KEYS: Final = 500


def compare_now(client: redis.Redis, result: OracleResult, *, kept: Callable[[str, int], int]) -> Comparison:
    """Every ticker, every newest bar, and the last ``kept(interval, symbols)`` final bars of each series."""
    done = Comparison()
    tickers: dict[str, OracleTicker] = {}
    for ticker in result.tickers.values():
        # Of a symbol in two partitions the greater sequence stays, then the lower partition; so it is with its bars.
        held = tickers.setdefault(ticker.symbol, ticker)
        tickers[ticker.symbol] = max(held, ticker, key=lambda each: (each.sequence, -each.partition))
    series: dict[tuple[str, str], list[OracleBar]] = defaultdict(list)
    for bar in result.sorted_bars():
        series[bar.symbol, bar.interval].append(bar)
    keys = keys_of_symbols(client, list(tickers))
    for (symbol, ticker), text in _fetched(client, {(s, t): keys(s).price(s) for s, t in tickers.items()}):
        done.compared += 1
        done.differ(_ticker_differences(symbol, ticker, text))
    for (symbol, interval), text in _fetched(client, {each: keys(each[0]).candle(*each) for each in series}):
        done.compared += 1
        done.differ(_bar_differences(max(series[symbol, interval], key=lambda bar: (bar.start_us, *wins(bar))), text))
    for (symbol, interval), bars in series.items():
        found = cast(Any, client.zrange(keys(symbol).candles(symbol, interval), 0, -1, withscores=True))
        stored: dict[int, bytes] = {int(score): member for member, score in found}
        published = {
            (symbol, interval, start_ms * 1000): StoredBar((json.loads(text).get("sequence", -1),))
            for start_ms, text in stored.items()
        }
        _compare_finals(done, decided_bars(bars, published), stored, kept(interval, len(tickers)))
    expected = {keys(each).price(each) for each in tickers}
    stray = {_text(key) for key in client.scan_iter(RedisKeys().price("*"), 1000)} - expected
    for key in sorted(stray):
        done.compared += 1
        done.differ([Difference(key, TICKER, 0, "key", "absent", "there")])
    return done


def _compare_finals(done: Comparison, bars: list[OracleBar], stored: dict[int, bytes], kept: int) -> None:
    """Final bars by start in ms. Bars that the wall clock closed early may be there; they must be right if so."""
    finals = [bar for bar in bars if bar.final or bar.start_us // 1000 in stored]
    for bar in finals[-kept:]:
        text = stored.pop(bar.start_us // 1000, None)
        if text is not None and not bar.final and json.loads(text)["sequence"] < bar.version:
            done.open += 1
            continue
        done.compared += 1
        done.differ(_bar_differences(bar, text, final=True))
    for bar in finals[:-kept]:
        stored.pop(bar.start_us // 1000, None)
    for start_ms in stored:
        done.compared += 1
        done.differ([Difference(bars[0].symbol, bars[0].interval, start_ms * 1000, "final bar", "absent", "there")])


def _bar_differences(bar: OracleBar, text: bytes | None, final: bool = False) -> Iterator[Difference]:
    place = (bar.symbol, bar.interval, bar.start_us)
    if text is None:
        yield Difference(*place, "bar", f"version {bar.version}", "missing")
        return
    stored = _parsed(text)
    if stored["time"] * 1000 != bar.start_us:
        yield Difference(*place, "time", str(bar.start_us // 1000), str(stored["time"]))
        return
    if (bar.final or final) and not stored["final"]:
        yield Difference(*place, "final", "true", "false")
    yield from _fields(place, bar, stored, BAR_FIELDS)


def _ticker_differences(symbol: str, ticker: OracleTicker, text: bytes | None) -> Iterator[Difference]:
    place = (symbol, TICKER, ticker.event_time_us)
    if text is None:
        yield Difference(*place, "ticker", f"sequence {ticker.sequence}", "missing")
        return
    stored = _parsed(text)
    yield from _fields(place, ticker, stored, TICKER_FIELDS)
    if stored["timestamp"] != ticker.event_time_us // 1000:
        yield Difference(*place, "timestamp", str(ticker.event_time_us // 1000), str(stored["timestamp"]))
    if (stored["exchange"] or "") != ticker.exchange:
        yield Difference(*place, "exchange", ticker.exchange, str(stored["exchange"]))


def _fields(
    place: tuple[str, str, int], expected: object, stored: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[Difference]:
    for theirs, ours in names.items():
        wanted, found = getattr(expected, ours), stored.get(theirs)
        if wanted != found:
            yield Difference(*place, theirs, str(wanted), str(found))


def _fetched(client: redis.Redis, keys: Mapping[Any, str]) -> Iterator[tuple[Any, bytes | None]]:
    """(what a key stands for, its value), a few hundred keys per round trip."""
    wanted = list(keys)
    for start in range(0, len(wanted), PIPELINE_KEYS):
        part: Iterable[Any] = wanted[start : start + PIPELINE_KEYS]
        yield from zip(part, client.mget([keys[each] for each in part]), strict=True)


def _parsed(text: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return parsed


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key


def quote_differences(client: redis.Redis, newest: Iterable[OracleQuote]) -> list[str]:
    """Where Redis doesn't hold just these as the newest quotes of their symbols; sequences are of the first epoch."""
    wanted = {quote.symbol: _told(quote) for quote in newest}
    symbols = sorted(wanted)
    keys = keys_of_symbols(client, symbols)
    values = cast("list[bytes | None]", client.mget([keys(each).quote(each) for each in symbols]) if symbols else [])
    found = {symbol: _decoded(value) for symbol, value in zip(symbols, values, strict=True) if value is not None}
    return [
        f"quote of {symbol}: {found.get(symbol)}, not {wanted[symbol]}"
        for symbol in symbols
        if found.get(symbol) != wanted[symbol]
    ]


def _told(quote: OracleQuote) -> dict[str, Any]:
    return {
        "type": "quote", "symbol": quote.symbol, "bid": quote.bid, "ask": quote.ask, "bidSize": quote.bid_size,
        "askSize": quote.ask_size, "mid": mid_of(quote.bid, quote.ask), "spread": spread_of(quote.bid, quote.ask),
        "quoteTimestamp": quote.event_time_us // 1000, "quoteSequence": quote.offset, "exchange": quote.exchange,
    }  # fmt: skip


def _decoded(value: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value, parse_float=Decimal, parse_int=Decimal)
    return found
