"""From settings to the first steps of a flow: where trades are read, how they are decoded, by which rules they count.

Every flow that reads the trades topic starts here. Decode, validate and split happen in one place and in this order, so
live, history and replay refuse the same records for the same reasons. A record that was put back on the topic counts
where it stands now, never where it stood. Validation runs inside the source's poll, where the original bytes and keys
of the few refused records are still at hand.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from connectors.avro.decoder import AvroDecoder, Resolver
from connectors.avro.registry import SchemaRegistry
from connectors.avro.registry_options import RegistryOptions
from connectors.json.decoder import JsonDecoder
from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.requeued import Marker, places_by_partition, read_markers
from connectors.kafka.source import KafkaSource
from connectors.values.rejecting import Decoder
from core.bars.requeued import refuse_requeued
from core.bars.rules import Rules
from core.bars.validation import validate
from flows.batch_spans import traced
from runtime.outage import persist
from runtime.settings.kafka import KafkaSettings
from runtime.settings.records import RecordSettings
from runtime.settings.running import RunningSettings
from runtime.settings.time import TimeSettings
from runtime.settings.types import PREVIOUS_CLOSE
from runtime.settings.whole import Settings
from runtime.tracing.tracer import tracer
from schemas.avro import WriterSchema
from schemas.columns import PlaceRows, RawBatch, TradeBatch
from schemas.errors import Unreachable
from schemas.intervals import INTERVALS
from schemas.names import requeued_topic
from schemas.rejects import Reason, Reject
from schemas.shards import shard_key
from schemas.trade_words import TradeWords

__all__ = [
    "Read",
    "decode_trades",
    "decoder_of",
    "markers_of",
    "partition_key",
    "read_options",
    "registry_of",
    "rejected",
    "requeued_places",
    "resolver_of",
    "rules_of",
    "trades_source",
    "words_of",
    "worker_of",
]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING_REQUEUED: Final[Mapping[int, PlaceRows]] = MappingProxyType({})


def rules_of(settings: TimeSettings) -> Rules:
    """The settings that decide what a trade does."""
    by_interval = settings.lateness_ms_by_interval
    return Rules(
        out_of_order_us=settings.out_of_order_ms * 1000,
        lateness_us=tuple(by_interval.get(each.name, settings.lateness_ms) * 1000 for each in INTERVALS),
        future_us=settings.future_ms * 1000,
        dedupe=settings.dedupe,
        dedupe_window=settings.dedupe_window,
        dedupe_span_us=settings.dedupe_span_ms * 1000,
        source_epoch=settings.source_epoch,
        previous_close=PREVIOUS_CLOSE in settings.candle_open,
        exceptions=exceptions_of(settings.candle_open),
    )


def exceptions_of(candle_open: Sequence[str]) -> tuple[str, ...]:
    """Exchanges, in capitals, that the setting gives another rule than the one of all."""
    named = (text.partition("=") for text in candle_open if "=" in text)
    is_previous = PREVIOUS_CLOSE in candle_open
    return tuple(sorted({name.upper() for name, _, rule in named if (rule == PREVIOUS_CLOSE) != is_previous}))


def worker_of(settings: RunningSettings) -> int:
    """Number of this process in its cluster; 0 where it is alone."""
    return max(settings.cluster_process, 0)


def words_of(settings: RecordSettings) -> TradeWords:
    """How the settings say that records write their values."""
    origin_us = None
    if settings.time_origin:
        origin_us = (datetime.fromisoformat(settings.time_origin) - EPOCH) // timedelta(microseconds=1)
    return TradeWords(
        sides=settings.side_map,
        side_of=settings.side_of,
        signed_size=settings.signed_size,
        price_scale=settings.price_scale,
        size_scale=settings.size_scale,
        round_numbers=settings.round_numbers,
        time_origin_us=origin_us,
    )


def registry_of(settings: KafkaSettings, tries_more: int = 2) -> SchemaRegistry:
    """The Schema Registry that the settings name, asked again ``tries_more`` times where it fails.

    Raises SettingError when its address is none or its client refuses its properties.
    """
    return SchemaRegistry(
        RegistryOptions(
            settings.schema_registry_url,
            settings.schema_registry_user,
            settings.schema_registry_password,
            tries_more=tries_more,
            properties=settings.schema_registry_properties,
        )
    )


def resolver_of(settings: Settings, stop: threading.Event | None = None) -> Resolver | None:
    """Schema ids to writer schemas; None where the shipped ones are used.

    The registry must answer now, else Unreachable is raised. Later, with ``stop``, it is waited for when it is down.
    """
    if not settings.schema_registry_url:
        return None
    asked_now = registry_of(settings)
    asked_now.check()
    if stop is None:
        return asked_now
    flag, registry = stop, registry_of(settings, tries_more=0)  # persist tries again, and ends with the flow

    def resolve(schema_id: int) -> WriterSchema | None:
        return persist(
            lambda: registry(schema_id),
            server="schema-registry",
            where=registry.where,
            is_outage=lambda error: isinstance(error, Unreachable),
            stop=flag,
        )

    return resolve


def decoder_of(settings: Settings, stop: threading.Event | None = None, schema: WriterSchema | None = None) -> Decoder:
    """What reads the record values; ``schema``: of plain Avro, that of trades unless given.

    Raises Unreachable or SettingError when its registry doesn't answer.
    """
    if settings.value_format == "json":
        return JsonDecoder(field_map=settings.field_map, time_unit=settings.time_unit,
                           value_bytes_max=settings.value_bytes_max, words=words_of(settings))  # fmt: skip
    framed = settings.value_format == "confluent"
    return AvroDecoder(
        framing="confluent" if framed else "none",
        resolver=resolver_of(settings, stop) if framed else None,
        field_map=settings.field_map,
        time_unit=settings.time_unit,
        value_bytes_max=settings.value_bytes_max,
        schema=schema,
        words=words_of(settings),
    )


def markers_of(settings: KafkaSettings) -> Mapping[str, Marker]:
    """Which refused records were put back, by origin; none is looked for where dead letters are switched off."""
    if settings.dead_letters_from == "none":
        return {}
    return read_markers(
        KafkaReadOptions(
            bootstrap=settings.kafka_bootstrap,
            topic=requeued_topic(settings.dead_letter_topic),
            properties=settings.kafka_properties,
        )
    )


def requeued_places(settings: Settings) -> Mapping[int, PlaceRows]:
    """The records of the trades topic that were put back until now, for decode_trades. Asks the brokers."""
    return places_by_partition(markers_of(settings), settings.kafka_topic)


def decode_trades(
    settings: Settings,
    stop: threading.Event | None = None,
    requeued: Mapping[int, PlaceRows] = NOTHING_REQUEUED,
    decoder: Decoder | None = None,
) -> Callable[[RawBatch], TradeBatch]:
    """Bytes of one partition to valid trades and rejects; with ``stop``, waits for a registry that is down.

    requeued: see requeued_places; without it records are judged by their bytes alone. decoder: the caller's
    own, where it wants to ask the decoder afterwards what it saw.
    """
    reader, future_us = decoder or decoder_of(settings, stop), settings.future_ms * 1000

    def decode(raw: RawBatch) -> TradeBatch:
        rows, text = reader.decode_rows(raw)
        validate(rows, text, future_us)
        if (places := requeued.get(raw.partition)) is not None:
            refuse_requeued(rows, places)
        return reader.finish(raw, rows, text)

    return decode


def read_options(settings: Settings, end: Position | None = None) -> KafkaReadOptions:
    """How the trades topic is read; ``end`` bounds a replay."""
    return KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap,
        topic=settings.kafka_topic,
        properties=settings.kafka_properties,
        start=Position.parse(settings.kafka_start),
        end=end,
        batch_records_max=settings.batch_records_max,
        traced=tracer().contexts_wanted if settings.trace_url else None,
    )


def trades_source(settings: Settings, stop: threading.Event, end: Position | None = None) -> KafkaSource[TradeBatch]:
    """The trades topic, decoded and validated, one batch per partition and poll."""
    decode = traced(decode_trades(settings, stop, requeued_places(settings)))
    return KafkaSource(read_options(settings, end), decode, stop=stop)


class Read(Protocol):
    """What reading made of one poll: a TradeBatch, or a DeskBatch."""

    partition: int
    rejects: list[Reject]


def partition_key(batch: Read) -> str:
    """Key of a batch in the flow: that of its source partition, which holds all trades of a symbol."""
    return shard_key(batch.partition)


def rejected(batch: Read) -> list[tuple[str, list[Reject]]]:
    """The refused records of a batch, keyed for the dead-letter sink; nothing when there are none.

    What was put back is counted and metered as any reject but makes no letter: it has one, from when it was refused
    first, and a new one would say that something is still to be mended.
    """
    letters = [reject for reject in batch.rejects if reject.reason is not Reason.REQUEUED]
    return [(partition_key(batch), letters)] if letters else []
