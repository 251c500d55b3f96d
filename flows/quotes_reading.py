"""From settings to the batches of the quotes topic: how it is read, by which rules a quote is refused.

flows.quotes starts here, and so does ``produce``. Sources, refused records and records that were put back are those of
trades (flows.reading), with the quotes topic in the place of the topic of trades; it has dead letters of its own. The
decoders are those of trades too: core.quotes.rows says which of their columns holds what.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from connectors.kafka.source import KafkaSource
from connectors.values.rejecting import Decoder
from core.bars.requeued import refuse_requeued
from core.bars.validation import validate
from core.quotes.book import QuoteRules
from core.quotes.rows import FIELD_OF_TRADE, quote_rows, refuse_asks, what_is_wrong
from flows.batch_spans import traced
from flows.reading import NOTHING_REQUEUED, decoder_of, read_options, requeued_places
from runtime.settings.whole import Settings
from schemas.avro import QUOTE_SCHEMA_ID, shipped_schema
from schemas.columns import PlaceRows, RawBatch
from schemas.intervals import parse_interval
from schemas.names import dead_letter_topic
from schemas.quotes import QUOTE, QuoteBatch

__all__ = ["decode_quotes", "quote_rules", "quotes_decoder", "quotes_settings", "quotes_source"]


def quotes_settings(settings: Settings) -> Settings:
    """The settings with those of quotes where those of trades stand, for what knows of one topic only."""
    theirs = settings.quotes_field_map
    field_map = {of_trade: theirs.get(ours, ours) for of_trade, ours in FIELD_OF_TRADE.items()}
    field_map |= {ours: name for ours, name in theirs.items() if ours not in FIELD_OF_TRADE.values()}
    changes: dict[str, Any] = {
        "kafka_topic": settings.quotes_topic,
        "dead_letter_topic": dead_letter_topic(settings.quotes_topic),
        "value_format": settings.quotes_format,
        "field_map": field_map,
        "signed_size": False,
    }
    return settings.model_copy(update=changes)


def quote_rules(settings: Settings) -> QuoteRules:
    """The settings that decide what a quote does."""
    intervals = tuple(sorted({parse_interval(name) for name in settings.quote_intervals}))
    return QuoteRules(settings.source_epoch, intervals, settings.out_of_order_ms * 1000)


def quotes_source(settings: Settings, stop: threading.Event) -> KafkaSource[QuoteBatch]:
    """Batches of the topic that ``settings`` name; see quotes_settings. Asks the brokers."""

    def empty(topic: str, partition: int, next_offset: int) -> QuoteBatch:
        return QuoteBatch(topic, partition, np.empty(0, QUOTE), b"", 0, next_offset, caught_up=True)

    decode = traced(decode_quotes(settings, quotes_decoder(settings, stop), requeued_places(settings)))
    return KafkaSource(read_options(settings), decode, empty=empty, stop=stop)


def quotes_decoder(settings: Settings, stop: threading.Event | None = None) -> Decoder:
    """What reads the values; see flows.reading.decoder_of."""
    return decoder_of(settings, stop, shipped_schema(QUOTE_SCHEMA_ID))


def decode_quotes(
    settings: Settings, reader: Decoder, requeued: Mapping[int, PlaceRows] = NOTHING_REQUEUED
) -> Callable[[RawBatch], QuoteBatch]:
    """Bytes of one partition to valid quotes and rejects; ``settings``: those of quotes_settings."""
    future_us = settings.future_ms * 1000

    def decode(raw: RawBatch) -> QuoteBatch:
        rows, text = reader.decode_rows(raw)
        validate(rows, text, future_us)
        refuse_asks(rows)
        if (places := requeued.get(raw.partition)) is not None:
            refuse_requeued(rows, places)
        read = reader.finish(raw, rows, text)
        for at, reject in enumerate(read.rejects):
            if told := what_is_wrong(rows[np.searchsorted(rows["offset"], reject.offset)]):
                read.rejects[at] = reject._replace(detail=told)
        return QuoteBatch(
            raw.topic, raw.partition, quote_rows(read.rows), text, read.read, read.next_offset, rejects=read.rejects
        )

    return decode
