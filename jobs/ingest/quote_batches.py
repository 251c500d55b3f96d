"""A venue's best bids and asks as the batch that encoders and Kafka take.

The intake hands them in as their venue told them. As with trades, numbers stand in the values as they were written, and
the decoder that reads the quotes topic makes integers of them: that of trades, with bid and ask in its columns
(core.quotes.rows).
"""

from collections.abc import Sequence

import msgspec

from connectors.json.decoder import JsonDecoder
from core.quotes.rows import FIELD_OF_TRADE
from feeds.rows import Quote
from feeds.series import SHARED, Series
from jobs.ingest.values import raw_batch
from schemas.columns import TradeBatch

__all__ = ["QuoteBatches"]


class Value(msgspec.Struct):
    """A quote in the names of the quotes topic."""

    symbol: str
    bid: msgspec.Raw
    ask: msgspec.Raw
    bid_size: msgspec.Raw
    ask_size: msgspec.Raw
    event_time: int | str
    exchange: str


class QuoteBatches:
    """Makes batches of the quotes of ``exchange``, under the symbols of ``series``."""

    def __init__(self, exchange: str, series: Series = SHARED) -> None:
        self._exchange, self._symbol = exchange, series.symbol
        self._encode = msgspec.json.Encoder().encode
        self._decoder = JsonDecoder(FIELD_OF_TRADE)

    def make(self, quotes: Sequence[Quote]) -> TradeBatch:
        """Rows as the decoder of trades makes them of ``quotes``; ``rejects``: those that no topic would take."""
        return self._decoder.decode(
            raw_batch(
                [
                    self._encode(
                        Value(
                            self._symbol(each.symbol), each.bid, each.ask, each.bid_size, each.ask_size,
                            each.event_time, self._exchange,
                        )
                    )
                    for each in quotes
                ]
            )
        )  # fmt: skip
