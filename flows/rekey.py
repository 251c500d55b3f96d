"""The rekey flow: a topic that isn't keyed by symbol to one that is, for topics whose producers can't be changed.

Run it with ``tapeflow rekey``; live and history then read the new topic. Values are untouched and keep their record
timestamps. Each stands in the new topic once. What can't be read as a trade goes to the dead letters of the source
topic. Order is kept per source partition only: a symbol that was spread over several arrives interleaved, which the
out-of-order bound of the flows behind has to cover.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.kafka.questions import TopicQuestions
from connectors.kafka.source import KafkaSource
from flows.dead_letters import write_dead_letters
from flows.lookout import look_after, servers_of
from flows.metrics import FlowMetrics
from flows.reading import decode_trades, read_options, requeued_places, worker_of
from flows.starting import start_flow
from runtime.settings.kafka import KafkaSettings
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.columns import TRADE, RawBatch, TradeBatch
from schemas.errors import SettingError
from sinks.kafka.rekey import KafkaRekeySink, KeyedRecords

__all__ = ["RekeyBatch", "build", "keyed_records"]

NAME: Final = "rekey"


@dataclass(slots=True)
class RekeyBatch(TradeBatch):
    """A decoded batch with the bytes that it was decoded from; None where there was nothing to read."""

    raw: RawBatch | None = None


def keyed_records(batch: RekeyBatch) -> KeyedRecords:
    """The good records of a batch, each under its symbol."""
    rows, raw, text = batch.rows, batch.raw, batch.text
    if raw is None:
        return KeyedRecords(batch.partition, [], [], [], [], batch.next_offset)
    ends = rows["symbol_at"].astype(np.int64) + rows["symbol_len"]
    keys = [text[at:end] for at, end in zip(rows["symbol_at"].tolist(), ends.tolist(), strict=True)]
    cuts = [0, *raw.ends.tolist()]
    values = [raw.data[start:end] for start, end in pairwise(cuts)]
    if len(rows) < len(values):
        values = [values[index] for index in np.searchsorted(raw.offsets, rows["offset"]).tolist()]
    return KeyedRecords(
        batch.partition, rows["offset"].tolist(), keys, values, rows["timestamp_ms"].tolist(), batch.next_offset
    )


def empty_batch(topic: str, partition: int, next_offset: int) -> RekeyBatch:
    return RekeyBatch(topic, partition, np.empty(0, TRADE), b"", 0, next_offset, caught_up=True)


def check_topics(settings: KafkaSettings) -> None:
    """Raises SettingError when there is no topic to write to, or it is the one that is read."""
    if not settings.rekey_topic:
        raise SettingError("no topic to write to", where="TAPEFLOW_REKEY_TOPIC", mend="say tapeflow rekey --to TOPIC")
    if settings.rekey_topic == settings.kafka_topic:
        raise SettingError("a topic can't be re-keyed into itself", where=f"--to {settings.rekey_topic}")


def build(settings: Settings | None = None, stop: StopSignal | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop)
    check_topics(settings)
    metrics, options = FlowMetrics(NAME, worker=worker_of(settings)), read_options(settings)
    with TopicQuestions(options) as questions:
        facts = questions.facts()
    decode_batch = decode_trades(settings, stop, requeued_places(settings))

    def decode(raw: RawBatch) -> RekeyBatch:
        done = decode_batch(raw)
        return RekeyBatch(
            done.topic, done.partition, done.rows, done.text, done.read, done.next_offset, rejects=done.rejects, raw=raw
        )

    def take_keys(batch: RekeyBatch) -> KeyedRecords:
        metrics.count_batch(batch, len(batch), 0, 0)
        return keyed_records(batch)

    source: KafkaSource[RekeyBatch] = KafkaSource(options, decode, empty=empty_batch, stop=stop)
    metrics.watch(look_after(NAME, source, settings, stop).positions, list, servers_of(settings))
    flow = Dataflow(NAME)
    batches = op.input("read_records", flow, source)
    op.output(
        "write_records",
        op.map("take_keys", batches, take_keys),
        KafkaRekeySink(
            settings.kafka_bootstrap,
            facts.topic,
            facts.topic_id,
            settings.rekey_topic,
            properties=settings.kafka_properties,
            stop=stop,
        ),
    )
    write_dead_letters(batches, settings, NAME, facts.partitions, stop)
    return flow
