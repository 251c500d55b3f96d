"""Compiles the kernels of the flows once, so that no user waits for the compiler in the middle of a stream.

The compiled code stays in the user's cache folder (or in NUMBA_CACHE_DIR). It runs the very steps that the flows run,
over a handful of made-up trades, and keeps nothing. ``compile_kernels`` is for who is about to run live, history or
alerts: the hot path alone, as ``make setup`` does by this module. With ``all`` it compiles what any flow needs, for an
image whose pods start at once. Where nothing is compiled yet, each part is compiled by a process of its own. A second
run still takes a second or two, since loading what was compiled isn't free either.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import structlog

from connectors.avro.decoder import AvroDecoder
from connectors.avro.encode import encode_trades
from connectors.synthetic import SyntheticMarket, symbol_names
from core.alerts.rule_book import RuleBook
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.snapshot import restore, snapshot
from core.bars.validation import validate
from kernels.kernel import is_cold
from runtime.logging import configure_logging
from schemas.alert_rules import AlertRule
from schemas.columns import RawBatch, TradeBatch
from schemas.names import RedisKeys
from sinks.clickhouse.native_block import bar_block, trade_block
from sinks.redis.encode import KeyParts
from sinks.redis.state import LiveUpdate, ShardState

__all__ = ["compile_kernels", "warm_if_cold"]

TRADES = 3_000
START_US = 1_741_564_800_000_000
ROUNDS = 4
MARKET_US = 120_000_000
HOT = (
    "connectors.avro.kernel",
    "core.bars.shard_kernel",
    "core.alerts.terms_kernel",
    "core.alerts.watch_kernel",
    "kernels.names",
    "core.bars.validation",
    "sinks.clickhouse.native_block",
    "sinks.redis.json",
)
"""Modules whose kernels a flow's first batch would wait for."""
MORE = (
    "connectors.json.kernel",
    "connectors.kafka.native_poll",
    "core.analytics.feed_kernel",
    "core.bars.quality",
    "core.quotes.bars_kernel",
    "core.quotes.book_kernel",
    "sinks.redis.quote_json",
)
"""Likewise, of some flows or settings: processes.warm_more."""


ROOT: Final = Path(__file__).resolve().parent.parent
LOOK_S: Final = 0.2
TAKES: Final = "about 20 seconds"
"""On two cores that have nothing else to do."""


def compile_kernels(tell: Callable[[float], object] = lambda _seconds: None, *, more: bool = False) -> float:
    """Seconds that it took: TAKES where nothing is compiled yet, else a second or two.

    ``tell`` gets the seconds so far, every 0.2 s while other processes compile. ``more``: what only some
    flows need, too.
    """
    began = time.perf_counter()
    cold = is_cold(*HOT, *(MORE if more else ()))
    names = [name for name in PARTS if more or name != "more"]
    parts = [start_part(name) for name in names] if cold and len(os.sched_getaffinity(0)) > 1 else []
    try:
        while any(part.poll() is None for part in parts):
            tell(time.perf_counter() - began)
            time.sleep(LOOK_S)
    finally:
        for part in parts:
            part.kill()
            part.wait()
    # What a part didn't come to is compiled here; all the rest is loaded.
    run_everything()
    if more:
        run_more()
    return time.perf_counter() - began


def start_part(name: str) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "processes.warm", name],
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
        env=os.environ | {"PYTHONPATH": path},
    )


def made_up_market() -> SyntheticMarket:
    return SyntheticMarket(symbol_names(800), start_us=START_US)


def run_everything() -> None:
    market, decoder, steps = made_up_market(), AvroDecoder(), Steps()
    for _ in range(ROUNDS):
        steps.take(decode(decoder, market.take(TRADES, MARKET_US)))


def run_reading() -> None:
    """What turns records into trades."""
    decode(AvroDecoder(), made_up_market().take(TRADES, MARKET_US))


def run_bars() -> None:
    """What turns trades into bars, and bars into what stores take."""
    market, steps = made_up_market(), Steps()
    for _ in range(ROUNDS):
        steps.take(market.take(TRADES, MARKET_US))


def run_more() -> None:
    # Who runs a flow of trades starts without loading all this.
    from processes.warm_more import run_more  # noqa: PLC0415

    run_more(made_up_market())


PARTS: Final = {"reading": run_reading, "bars": run_bars, "more": run_more}


class Steps:
    """What both flows do with a batch of trades."""

    def __init__(self) -> None:
        self._rules = Rules(dedupe=True)
        self._shard = Shard(self._rules)
        self._redis = ShardState(KeyParts.of(RedisKeys()), finals_kept=10)
        self._book = RuleBook()

    def take(self, batch: TradeBatch) -> None:
        shard = self._shard
        shard.apply(batch)
        self._meet_rules(batch)
        finals = shard.take_final()
        tickers, live_bars = shard.take_live()
        for _call in self._redis.absorb(LiveUpdate(0, tickers, live_bars, finals)):
            pass
        trade_block([(batch, np.arange(len(batch)))], 0)
        if len(finals):
            bar_block([finals])
        self._shard = restore(snapshot(shard), self._rules)

    def _meet_rules(self, batch: TradeBatch) -> None:
        book, names = self._book, self._shard.symbols.names
        book.add_symbols(names)
        rule = AlertRule("warm", "", names[0], "above", "1", "every")
        book.arm([msgspec.json.encode(rule)], -1)
        book.apply(batch.rows, self._shard.arrived, 0)
        book.remove(["warm"])


def warm_if_cold() -> None:
    """Compile now, and say so, where a worker would otherwise do it silently with its first batch in hand."""
    if is_cold(*HOT):
        log = structlog.get_logger()
        log.info("compilation_started", why="first start of this version on this machine", takes=TAKES)
        log.info("kernels_compiled", took_s=round(compile_kernels(), 1))


def decode(decoder: AvroDecoder, made: TradeBatch) -> TradeBatch:
    data, ends = encode_trades(made.rows, made.text)
    offsets = made.rows["offset"].copy()
    raw = RawBatch("trades", 0, data, ends, offsets, np.full(len(ends), -1, np.int64), [None] * len(ends))
    rows, text = decoder.decode_rows(raw)
    validate(rows, text, Rules().future_us)
    return decoder.finish(raw, rows, text)


def main() -> int:
    configure_logging(log_level="error")
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted in PARTS:
        PARTS[wanted]()
        return 0
    more = wanted == "all"
    if is_cold(*HOT, *(MORE if more else ())):
        sys.stdout.write(f"compiling the kernels, once on a machine: {TAKES}\n")
        sys.stdout.flush()
    took_s = compile_kernels(show_seconds if sys.stdout.isatty() else lambda _seconds: None, more=more)
    sys.stdout.write(f"compiled in {took_s:.0f} s\n")
    return 0


def show_seconds(seconds: float) -> None:
    sys.stdout.write(f"  {seconds:.0f} s\r")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
