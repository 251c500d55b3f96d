"""The branch of refused records: from every batch of a flow to the dead-letter topic.

Every flow that reads records wires it alike. A refused record arrives there at least once, with its original bytes, its
reason and its origin. After a crash it may arrive again, and its origin (topic, partition, offset) tells. Of live and
history one is enough, so by default only history writes it (``dead_letters_from``); a desk's topics have one flow.
"""

from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Stream

from flows.reading import rejected
from runtime.settings.kafka import KafkaSettings
from runtime.stopping import StopSignal
from sinks.kafka.sink import DeadLetterSink

__all__ = ["write_dead_letters"]


def write_dead_letters(
    batches: Stream[Any], settings: KafkaSettings, flow: str, shards: int, stop: StopSignal, kind: str = ""
) -> None:
    """Wire the branch into the flow that ``batches`` belongs to, which are TradeBatches or DeskBatches.

    kind: tells the steps of a flow apart that has several such branches.
    """
    behind = f"_{kind}" if kind else ""
    rejects = op.flat_map(f"rejected{behind}", batches, rejected)
    properties: dict[str, Any] = {**settings.kafka_properties}
    sink = DeadLetterSink(
        settings.kafka_bootstrap,
        settings.dead_letter_topic,
        shards,
        flow=flow,
        properties=properties,
        stop=stop,
    )
    op.output(f"write_dead_letters{behind}", rejects, sink)
