"""Compiles every kernel of the hot path once, so that no user waits for the compiler in the middle of a stream.

``make setup``, the image build and the demo call it; the compiled code stays in the user's cache folder (or in
NUMBA_CACHE_DIR). Law: it runs the very steps that the flows run, over a handful of made-up trades, and keeps nothing.
The surprise: a second run still takes a second or two, since loading what was compiled isn't free either.
"""

import sys
import time

import numpy as np
import structlog

from connectors.avro import AvroDecoder
from connectors.avro_encode import encode_trades
from core.rules import Rules
from core.shard import Shard
from core.snapshot import restore, snapshot
from core.validation import validate
from schemas.columns import RawBatch, TradeBatch
from schemas.kernel import is_cold
from schemas.names import RedisKeys
from sinks.clickhouse_native import bar_block, trade_block
from sinks.redis_encode import KeyParts
from sinks.redis_state import LiveUpdate, ShardState
from tapeflow.synthetic import SyntheticMarket, symbol_names

__all__ = ["compile_kernels", "warm_if_cold"]

TRADES = 3_000
START_US = 1_741_564_800_000_000
ROUNDS = 4
HOT = (
    "connectors.avro_kernel",
    "core.shard_kernel",
    "core.names",
    "core.validation",
    "sinks.clickhouse_native",
    "sinks.redis_json",
)
"""Modules whose kernels a flow's first batch would wait for."""


def compile_kernels() -> float:
    """Seconds that it took: about a minute where nothing is compiled yet, else a second or two."""
    began = time.perf_counter()
    market = SyntheticMarket(symbol_names(800), start_us=START_US)
    decoder, rules = AvroDecoder(), Rules(dedupe=True)
    shard, redis = Shard(rules), ShardState(KeyParts.of(RedisKeys()), finals_kept=10)
    for _ in range(ROUNDS):
        batch = decode(decoder, market.take(TRADES, 120_000_000))
        shard.apply(batch)
        finals = shard.take_final()
        tickers, live_bars = shard.take_live()
        for _call in redis.absorb(LiveUpdate(0, tickers, live_bars, finals)):
            pass
        trade_block([(batch, np.arange(len(batch)))], 0)
        if len(finals):
            bar_block([finals])
        shard = restore(snapshot(shard), rules)
    return time.perf_counter() - began


def warm_if_cold() -> None:
    """Compile now, and say so, where a worker would otherwise do it silently with its first batch in hand."""
    if is_cold(*HOT):
        log = structlog.get_logger()
        log.info("kernels_compiling", why="first start of this version on this machine", takes="about a minute")
        log.info("kernels_compiled", took_s=round(compile_kernels(), 1))


def decode(decoder: AvroDecoder, made: TradeBatch) -> TradeBatch:
    data, ends = encode_trades(made.rows, made.text)
    offsets = made.rows["offset"].copy()
    raw = RawBatch("trades", 0, data, ends, offsets, np.full(len(ends), -1, np.int64), [None] * len(ends))
    rows, text = decoder.decode_rows(raw)
    validate(rows, text, Rules().future_us)
    return decoder.finish(raw, rows, text)


def main() -> int:
    sys.stdout.write("compiling the kernels, once on a machine: up to a minute\n")
    sys.stdout.flush()
    sys.stdout.write(f"compiled in {compile_kernels():.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
