"""The law of symbols: a symbol goes the whole way, from a record to keys, rows, messages and requests, and comes back.

Every place that spells, quotes, joins or parses a symbol is on the way, so that one which a symbol breaks would show.
"""

import json
from urllib.parse import quote, unquote

import msgspec
import numpy as np
from clickhouse_driver.util.escape import escape_params
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.avro.decoder import AvroDecoder
from connectors.avro.encode import encode_trades, split_values
from connectors.json.decoder import JsonDecoder
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.validation import validate
from gateway.access.principal import Principal
from gateway.ws.dialects.words import read_object, read_symbols
from kernels.symbols import is_symbol
from schemas.columns import TICKER
from schemas.names import RedisKeys
from sinks.clickhouse.native_block import trade_block
from sinks.redis.encode import KeyParts, TextTable, pack_bars, pack_tickers
from tests.client_messages import decode_message
from tests.unit.connectors.batches import raw_batch

VENDORS = ("ES=F", "^SPX", "M&M", "$TRUMP", "币安人生USDT", "it's", "*", "A?B", "[x]", "a%2Fb", "A 240119C", "🚀" * 64)
letters = st.characters(exclude_categories=["Cs"])
symbols = st.one_of(st.sampled_from(VENDORS), st.text(letters, min_size=1, max_size=64).filter(is_symbol))


def table_of(*texts: bytes) -> TextTable:
    made = TextTable()
    for text in texts:
        made.add(text)
    return made


@given(symbols)
@example("币" * 64)
@settings(max_examples=300)
def test_the_whole_way(symbol: str) -> None:
    value = {"symbol": symbol, "price": 1.5, "size": 2, "event_time": 1_700_000_000, "exchange": "X"}
    raw = raw_batch([json.dumps(value).encode(), json.dumps(value, ensure_ascii=False).encode()])
    raw.timestamps_ms[:] = -1
    batch = JsonDecoder().decode(raw)
    validate(batch.rows, batch.text, 0)
    assert not batch.rows["reason"].any()

    again = AvroDecoder().decode(raw_batch(split_values(*encode_trades(batch.rows, batch.text))))
    shard = Shard(Rules())
    shard.apply(again)
    assert shard.symbols.names == [symbol]

    names, texts = RedisKeys(), table_of(symbol.encode())
    tickers, bars = shard.take_live()
    exchanges = (table_of(b'"X"'), table_of(b"X"))
    old, known = np.zeros(1, TICKER), np.zeros(1, np.bool_)
    packed = pack_tickers(tickers.rows, old, known, texts, exchanges, KeyParts.of(names))
    price_key, symbol_key, _, _, snapshot, *_ = msgspec.msgpack.decode(packed)
    assert (price_key, symbol_key) == (names.price(symbol), names.symbol(symbol))
    assert names.symbol_of(symbol_key) == symbol
    assert decode_message(snapshot.encode()).symbol == symbol
    flat = msgspec.msgpack.decode(pack_bars(bars.rows[:1], texts, KeyParts.of(names), final=False))
    assert decode_message(flat[3].encode()).symbol == symbol

    block = trade_block([(again, np.arange(len(again)))], 0)
    assert symbol.encode() in block.data[0]
    quoted = escape_params({"symbol": symbol}, None)["symbol"]
    assert quoted[1:-1].replace("\\'", "'").replace("\\\\", "\\") == symbol
    assert f"{symbol}|1m|0".split("|")[0] == symbol

    path = quote(symbol, safe="")
    assert path not in (".", "..")
    assert "/" not in path
    assert unquote(path) == symbol
    message = read_object(json.dumps({"symbols": [symbol]}).encode())
    assert isinstance(message, dict)
    assert read_symbols(message) == ([symbol], [])
    assert ",".join([symbol, "B"]).split(",") == [symbol, "B"]
    assert Principal("u", (symbol,)).may_see(symbol)
    assert not Principal("u", ("other",)).may_see(symbol) or symbol == "other"
