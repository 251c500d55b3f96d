"""A venue's trades as the batch that encoders and Kafka take.

The intake hands them in as their venue told them. They become JSON values in which every number stands as it was
written, and the topic's own decoder reads those: what it refuses on the topic, it refuses here. So no number passes
through a float, and there is one reading of numbers, times and sides.
"""

from collections.abc import Sequence

import msgspec

from connectors.json.decoder import JsonDecoder
from feeds.rows import Side, Trade
from feeds.series import SHARED, Series
from jobs.ingest.values import raw_batch
from schemas.columns import TradeBatch

__all__ = ["TradeBatches"]


class Value(msgspec.Struct):
    """A trade in the names of the trades topic."""

    symbol: str
    price: msgspec.Raw
    size: msgspec.Raw
    side: Side
    trade_id: str
    event_time: int | str
    exchange: str


class TradeBatches:
    """Makes batches of the trades of ``exchange``, under the symbols of ``series``."""

    def __init__(self, exchange: str, series: Series = SHARED) -> None:
        self._exchange, self._symbol = exchange, series.symbol
        self._encode = msgspec.json.Encoder().encode
        self._decoder = JsonDecoder()

    def make(self, trades: Sequence[Trade]) -> TradeBatch:
        """TradeBatch of ``trades`` in their order; ``rejects`` holds those that no topic would take, by position."""
        values = [
            self._encode(
                Value(
                    self._symbol(each.symbol), each.price, each.size, each.side, each.trade_id, each.event_time,
                    self._exchange,
                )
            )
            for each in trades
        ]  # fmt: skip
        return self._decoder.decode(raw_batch(values))
