"""msgpack framing: what the script unpacks, also for long texts and many rows."""

import msgspec
import numpy as np

from schemas.columns import BAR, TICKER
from schemas.names import RedisKeys
from sinks.redis.encode import KeyParts, TextTable, pack_bars, pack_tickers
from tests.unit.sinks.rows import START_US, bars, tickers


def table(*texts: bytes) -> TextTable:
    made = TextTable()
    for text in texts:
        made.add(text)
    return made


def test_texts_survive_growth() -> None:
    texts = [bytes([65 + n % 26]) * (n % 300) for n in range(1000)]
    made = table(*texts)
    assert len(made) == 1000
    assert [made.text(number) for number in range(1000)] == texts


def test_keys_are_those_of_the_contract() -> None:
    names = RedisKeys()
    keys, symbols = KeyParts.of(names), table(b"BTC/USDT")
    rows = bars({"symbol": "BTC/USDT", "interval": "15m", "version": 5}).rows
    finals = msgspec.msgpack.decode(pack_bars(rows, symbols, keys, final=True))
    live = msgspec.msgpack.decode(pack_bars(rows, symbols, keys, final=False))
    assert finals[:4] == [names.candles("BTC/USDT", "15m"), names.candle("BTC/USDT", "15m"), START_US // 1000, 5]
    assert live == [finals[1], *finals[2:]]
    packed = pack_tickers(
        tickers({"symbol": "BTC/USDT"}).rows, np.zeros(1, TICKER), np.zeros(1, np.bool_), symbols,
        (table(b'"X"'), table(b"X")), keys,
    )  # fmt: skip
    assert msgspec.msgpack.decode(packed)[:2] == [names.price("BTC/USDT"), names.symbol("BTC/USDT")]


def test_an_exchange_of_the_longest_text_fits() -> None:
    long = b"x" * 65_535
    symbols = table(b"A")
    rows = tickers({"symbol": "A", "sequence": 2}).rows
    old = rows.copy()
    old["sequence"], old["exchange"] = 1, 1
    packed = pack_tickers(
        rows, old, np.ones(1, np.bool_), symbols, (table(b'"' + long + b'"', b'"B"'), table(long, b"B")),
        KeyParts.of(RedisKeys()),
    )  # fmt: skip
    flat = msgspec.msgpack.decode(packed)
    assert msgspec.json.decode(flat[4])["exchange"].encode() == long
    assert msgspec.json.decode(flat[5])["exchange"].encode() == long
    assert flat[6].encode() == long


def test_the_widest_rows_fit_their_buffer() -> None:
    bar, ticker = np.zeros(3, BAR), np.zeros(3, TICKER)
    for rows in (bar, ticker):
        for name in rows.dtype.names or ():
            if name.endswith("_hi"):
                rows[name] = np.iinfo(np.int64).min
    bar["quote_volume"] = np.iinfo(np.uint64).max
    for name in ("start_us", "trade_count", "version", "revision"):
        bar[name] = np.iinfo(bar.dtype[name]).min
    bar["has_vwap"] = 1
    for name in ("event_time_us", "sequence", "first_seen_us"):
        ticker[name] = np.iinfo(np.int64).min
    for name in ("has_bid", "has_ask"):
        ticker[name] = 1
    symbols, keys = table(b"s" * 256), KeyParts.of(RedisKeys())
    assert len(msgspec.msgpack.decode(pack_bars(bar, symbols, keys, final=True))) == 15
    exchanges = (table(b'"X"'), table(b"X"))
    old = np.zeros(3, TICKER)
    assert len(msgspec.msgpack.decode(pack_tickers(ticker, old, np.ones(3, np.bool_), symbols, exchanges, keys))) == 27


def test_a_ticker_says_when_it_was_first_and_last_seen_and_what_its_delta_applies_to() -> None:
    rows = tickers({"sequence": 9, "event_time_us": START_US + 7_000, "first_seen_us": START_US}).rows
    old = tickers({"sequence": 4}).rows
    for known, previous in ((True, 4), (False, -1)):
        packed = pack_tickers(
            rows, old, np.array([known]), table(b"AAPL"), (table(b'"X"'), table(b"X")), KeyParts.of(RedisKeys())
        )
        flat = msgspec.msgpack.decode(packed)
        assert (flat[2], flat[3], bool(flat[5])) == (9, previous, known)
        assert flat[7:] == [START_US // 1000, START_US // 1000 + 7]
