"""The branch of refused records: from every batch of a flow to the dead-letter topic.

Live and history wire it alike. A refused record arrives there at least once, with its original bytes, its reason and
its origin. After a crash it may arrive again, and its origin (topic, partition, offset) tells. One of the two flows is
enough, so by default only history writes it (``dead_letters_from``).
"""

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream

from flows.reading import rejected
from runtime.settings.kafka import KafkaSettings
from runtime.stopping import StopSignal
from schemas.columns import TradeBatch
from sinks.kafka.sink import DeadLetterSink

__all__ = ["write_dead_letters"]


def write_dead_letters(
    batches: Stream[TradeBatch], settings: KafkaSettings, flow: str, shards: int, stop: StopSignal
) -> None:
    """Wire the branch into the flow that ``batches`` belongs to."""
    rejects = op.flat_map("rejected", batches, rejected)
    properties: dict[str, Any] = {**settings.kafka_properties}
    sink = DeadLetterSink(
        settings.kafka_bootstrap,
        settings.dead_letter_topic,
        shards,
        flow=flow,
        properties=properties,
        stop=stop,
    )
    op.output("write_dead_letters", rejects, sink)
