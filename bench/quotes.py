"""Quotes from Avro records to what Redis and ClickHouse get, on one core: reading alone, the newest, and with bars.

``python -m bench.quotes --json FILE``. Batches of 10,000 records of 1,000 symbols go through the flow's own steps,
without servers: decoding and rules, the newest quote of each symbol as packed messages once a batch, and bars. Rounds
alternate and medians are compared; the ratio is against reading alone.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from bench.report import Figure, commit, write
from connectors.synthetic import SyntheticMarket, symbol_names
from core.quotes.book import QuoteBook, QuoteRules
from flows.quotes_reading import decode_quotes, quotes_decoder, quotes_settings
from jobs.produce.quotes import quotes_encoder
from runtime.settings.whole import load_settings
from schemas.columns import RawBatch
from schemas.intervals import parse_intervals
from schemas.names import RedisKeys
from sinks.clickhouse.quote_bars import quote_bar_block
from sinks.redis.quotes import ShardQuotes

COMMAND = "python -m bench.quotes"
BATCH = 10_000
SPAN_US = 5_000_000
START_US = 1_800_000_000_000_000


def batches(records: int, symbols: int) -> list[RawBatch]:
    encode = quotes_encoder(quotes_settings(load_settings()), 1)
    market, found = SyntheticMarket(symbol_names(symbols), start_us=START_US), []
    for first in range(0, records, BATCH):
        values = encode(market.take(BATCH, SPAN_US))
        ends = np.cumsum([len(value) for value in values], dtype=np.int64)
        offsets = np.arange(first, first + BATCH)
        stamps = np.full(BATCH, (START_US + first // BATCH * SPAN_US + SPAN_US) // 1000)
        found.append(RawBatch("quotes", 0, b"".join(values), ends, offsets, stamps, [None] * BATCH))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--symbols", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()
    settings = quotes_settings(load_settings())
    decode = decode_quotes(settings, quotes_decoder(settings))
    raws = batches(args.records, args.symbols)

    def read() -> None:
        for raw in raws:
            assert not decode(raw).rejects

    def flow(intervals: str) -> Callable[[], None]:
        def run() -> None:
            book, shard = QuoteBook(QuoteRules(intervals=parse_intervals(intervals))), ShardQuotes(RedisKeys())
            for raw in raws:
                book.apply(decode(raw))
                shard.packed(shard.absorb([book.take_changed()]))
                if bars := book.take_bars():
                    quote_bar_block([bars])

        return run

    ways = {
        "quotes_read": read,
        "quotes_newest": flow(""),
        "quotes_bars_1m": flow("1m"),
        "quotes_bars_1m_1h": flow("1m,1h"),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for each in range(args.rounds + 1):  # the first compiles too
        for name, action in ways.items():
            began_s = time.perf_counter()
            action()
            if each:
                found[name].append(args.records / (time.perf_counter() - began_s))
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    bare = medians["quotes_read"]
    figures = [
        Figure(name, rate, "quotes/s", None if name == "quotes_read" else rate / bare, COMMAND, commit())
        for name, rate in medians.items()
    ]
    write(figures, args.json)


if __name__ == "__main__":
    main()
