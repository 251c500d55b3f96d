"""What only some flows or settings need of the compiler: the source itself, JSON, quality, a watched feed, quotes.

processes.warm calls it where everything is compiled ahead. As there, the very steps of the flows run over made-up
trades, and nothing is kept or reached: the source's client has a broker of its own.
"""

import json

import numpy as np

from connectors.json.decoder import JsonDecoder
from connectors.kafka.native_poll import open_poll
from connectors.kafka.options import KafkaReadOptions
from connectors.synthetic import SyntheticMarket
from core.analytics.feed import FeedDesk
from core.analytics.rules import FeedRules
from core.bars.quality import Quality
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.quotes.book import QuoteBook, QuoteRules
from schemas.columns import TRADE, RawBatch, TradeBatch
from schemas.desk import TRADE_ALERTS
from schemas.intervals import parse_intervals
from schemas.names import RedisKeys
from schemas.quotes import QUOTE, QuoteBatch
from sinks.clickhouse.quote_bars import quote_bar_block
from sinks.redis.quotes import ShardQuotes

__all__ = ["run_more"]

TRADES = 2_000
ROUNDS = 3
MARKET_US = 120_000_000
PRETENDED = {"test.mock.num.brokers": 1}
"""The client's own broker, in this process."""


def run_more(market: SyntheticMarket) -> None:
    run_source()
    quotes = Quotes()
    for _ in range(ROUNDS):
        batch = market.take(TRADES, MARKET_US)
        run_json(batch)
        run_watching(batch)
        quotes.take(batch)


def run_source() -> None:
    poll = open_poll(KafkaReadOptions(bootstrap="127.0.0.1:9092", topic="warm", properties=PRETENDED), 1)
    try:
        poll.assign({0: 0})
    finally:
        poll.close()


def run_json(batch: TradeBatch) -> None:
    row = {"symbol": "A", "price": "1.5", "size": 2, "side": "BUY", "trade_id": "1", "exchange": "X", "event_time": 1}
    value = json.dumps(row).encode()
    count = len(batch)
    ends, offsets, stamps = np.arange(1, count + 1) * len(value), np.arange(count), np.full(count, -1, np.int64)
    JsonDecoder().decode(RawBatch("warm", 0, value * count, ends, offsets, stamps, [None] * count))


def run_watching(batch: TradeBatch) -> None:
    """Figures of quality, as history has them, and the faults of a feed, as a desk asks for them."""
    shard = Shard(Rules())
    shard.apply(batch)
    Quality().observe(batch, shard.arrived, shard.arrived_exchanges, len(shard.symbols))
    FeedDesk(FeedRules(frozenset(TRADE_ALERTS))).apply(batch)


class Quotes:
    """What the quotes flow does with a batch, once its records are read, which is done as trades' are."""

    def __init__(self) -> None:
        self._book, self._shard = QuoteBook(QuoteRules(intervals=parse_intervals("1m"))), ShardQuotes(RedisKeys())

    def take(self, batch: TradeBatch) -> None:
        self._book.apply(quotes_around(batch))
        self._shard.packed(self._shard.absorb([self._book.take_changed()]))
        if bars := self._book.take_bars():
            quote_bar_block([bars])


def quotes_around(batch: TradeBatch) -> QuoteBatch:
    """The bid and ask that each of the made-up trades has; as in schemas.quotes, but for sizes, which are nothing."""
    rows = np.zeros(len(batch), QUOTE)
    for name in set(QUOTE.names or ()) & set(TRADE.names or ()):
        rows[name] = batch.rows[name]
    return QuoteBatch(batch.topic, batch.partition, rows, batch.text, batch.read, batch.next_offset)
