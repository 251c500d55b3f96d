"""Looks after a running flow from beside it: how far behind it is, and whether Kafka answers, whatever it waits for.

The source's own client stops asking the brokers once its queue is full, as it is soon after a sink went away; so the
ends of the partitions are asked for on a timer, in a thread and by a client of its own. FlowMetrics shows what comes
out. It reads the flow's positions and changes nothing; an unanswered question marks Kafka as awaited (sinks.outage).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from connectors.kafka import KafkaSource, PartitionPosition
from connectors.kafka_ends import LogEnd, TopicEnds
from flows.reading import read_options
from schemas.errors import TapeflowError, Unreachable
from sinks.outage import persist
from tapeflow.settings import Settings

__all__ = ["Lookout", "look_after", "servers_of"]

EVERY_S: Final = 5.0

_log = structlog.get_logger()


class Source(Protocol):
    """Such as KafkaSource."""

    @property
    def is_reading(self) -> bool: ...

    def positions(self) -> list[PartitionPosition]: ...


class Lookout:
    """One per flow and process. ``ends``: asks where partitions end, such as TopicEnds.ask; ``where``: whom, for logs.

    Its thread begins with ``start`` and ends with ``stop``, or once no part of the source is open.
    """

    def __init__(
        self,
        source: Source,
        ends: Callable[[Iterable[int]], Mapping[int, LogEnd]],
        *,
        where: str,
        stop: threading.Event,
        every_s: float = EVERY_S,
    ) -> None:
        self._source = source
        self._ask = ends
        self._where = where
        self._stop = stop
        self._every_s = every_s
        self._ends: Mapping[int, LogEnd] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Does nothing while it runs already."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
                self._thread.start()

    def positions(self) -> list[PartitionPosition]:
        """Of the source, their lag counted to where the partitions end now, as far as readers may read."""
        return [self._seen(position) for position in self._source.positions()]

    def look(self) -> None:
        """Ask once; waits for brokers that are away. Raises Unreachable when stopped meanwhile, or what they refuse."""
        partitions = [position.partition for position in self._source.positions()]
        self._ends = persist(
            lambda: self._ask(partitions),
            server="kafka",
            where=self._where,
            is_outage=lambda error: isinstance(error, Unreachable),
            stop=self._stop,
        )

    def _run(self) -> None:
        while not self._stop.wait(self._every_s) and self._source.is_reading:
            try:
                self.look()
            except Unreachable:
                return  # stopped
            except TapeflowError as error:
                _log.warning("lag_unknown", error=str(error), consequence="lag is what the reader last heard")
                return

    def _seen(self, position: PartitionPosition) -> PartitionPosition:
        end = self._ends.get(position.partition)
        if end is None:
            return position
        lag = position.lag
        if end.high > position.high_watermark:
            lag = max(end.high - position.next_offset, 0)
        if end.hidden:
            lag = min(lag, max(end.stable - position.next_offset, 0))
        return replace(position, high_watermark=max(end.high, position.high_watermark), lag=lag, hidden=end.hidden)


def look_after(source: KafkaSource[Any], settings: Settings, stop: threading.Event) -> Lookout:
    """A lookout that begins as soon as the source reads."""
    lookout = Lookout(source, TopicEnds(read_options(settings)).ask, where=settings.kafka_bootstrap, stop=stop)
    source.when_open(lookout.start)
    return lookout


def servers_of(settings: Settings, *own: str) -> tuple[str, ...]:
    """What a flow may have to wait for, as the metric calls it; ``own``: beside Kafka and the registry."""
    has_registry = settings.schema_registry_url and settings.value_format == "confluent"
    return ("kafka", *own, *(("schema-registry",) if has_registry else ()))
