"""The demo's quotes, by option: best bids and asks around its trades on their own topic, and the proof of them.

The demo's producer hands in each batch of trades behind sending it; every fifth trade has a quote. The quotes flow
makes the newest of each symbol and bars of them. The proof recomputes both from the topic with the oracle.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from demo.checks import Check
from flows.quotes_reading import quotes_settings
from jobs.produce.kafka_writer import RecordWriter, ensure_topic
from jobs.produce.quotes import quotes_encoder
from jobs.produce.sender import symbol_keys
from jobs.redis_now import quote_differences
from jobs.verify_quotes import compare_quote_bars, read_quotes
from oracle.quotes import mid_of, recompute_quotes, shows_quote, spread_of
from processes.runner import Samples
from runtime.settings.whole import Settings
from schemas.columns import TradeBatch
from sinks.redis.connection import asked

__all__ = ["QUOTES", "DemoQuotes", "prove_quotes", "quotes_read", "seen_ticker"]

QUOTES: Final = "quotes"
EVERY: Final = 5
SEED: Final = 1
SHOWN: Final = 3
OF_QUOTE: Final = ("bid", "ask", "bidSize", "askSize", "mid", "spread", "quoteTimestamp", "quoteSequence")


class DemoQuotes:
    """Makes the topics, and sends."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        own = quotes_settings(settings)
        ensure_topic(own.kafka_bootstrap, own.kafka_topic, partitions)
        ensure_topic(own.kafka_bootstrap, own.dead_letter_topic, 1)
        self._encode = quotes_encoder(own, SEED)
        self._writer = RecordWriter(own.kafka_bootstrap, own.kafka_topic)

    def send(self, batch: TradeBatch) -> None:
        """Quotes of some of the trades. Raises WriteFailed when an earlier one couldn't be delivered."""
        some = replace(batch, rows=batch.rows[::EVERY].copy())
        self._writer.send(self._encode(some), symbol_keys(some))

    def finish(self) -> int:
        """How many the broker has. Raises WriteFailed where some weren't delivered."""
        return self._writer.finish()


def seen_ticker(ticker: dict[str, Any], quote: dict[str, Any] | None) -> dict[str, Any]:
    """What a client must hold of the two, as Redis has them."""
    if quote is None or not ticker:
        return ticker
    bid, ask = ticker["bid"], ticker["ask"]
    if shows_quote(ticker["timestamp"], bid is not None and ask is not None, quote["quoteTimestamp"] * 1000):
        return ticker | {name: value for name, value in quote.items() if name in OF_QUOTE}
    middle = {"mid": mid_of(Decimal(bid), Decimal(ask)), "spread": spread_of(Decimal(bid), Decimal(ask))}
    times = {"quoteTimestamp": ticker["timestamp"], "quoteSequence": quote["quoteSequence"]}
    return ticker | {"bidSize": None, "askSize": None} | middle | times


def quotes_read(samples: Samples) -> int:
    """Records that the flow has read, by its metrics."""
    return sum(int(value) for (name, _), value in samples.items() if name == "tapeflow_records_read_total")


def prove_quotes(settings: Settings, sent: int) -> Check:
    """``sent``: quotes that the broker took."""
    topic = read_quotes(settings)
    newest = [each for quotes in topic.quotes.values() for each in recompute_quotes(quotes).newest.values()]
    bars = compare_quote_bars(settings, topic)
    with asked(settings.redis_url) as redis:
        wrong = [str(each) for each in bars.differences] + quote_differences(redis, newest)
    read = sum(map(len, topic.quotes.values()))
    detail = f"{read} of {sent} records, {len(newest)} newest and {bars.compared} bars compared, {len(wrong)} differ"
    left = f" ({bars.open} still open: left out)" if bars.open else ""
    holds = read == sent and not wrong and bars.compared > 0
    return Check(QUOTES, holds, "; ".join((detail + left, *wrong[:SHOWN])))
