"""Looks after a running flow from beside it: says that it started, how far it is, and whether Kafka answers.

The source's own client stops asking the brokers once its queue is full, as it is soon after a sink went away; so the
ends of the partitions are asked for on a timer, in a thread and by a client of its own. FlowMetrics shows what comes
out; a consumer group is told how far the flow is, for Kafka's own tools. One line tells where the flow began and with
what, one that it has caught up. It reads the flow's positions and changes nothing; an unanswered question marks Kafka
as awaited (runtime.outage).
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final, Protocol

import structlog

from connectors.kafka.ends import LogEnd, TopicEnds
from connectors.kafka.group_offsets import GroupOffsets
from connectors.kafka.source import KafkaSource, PartitionPosition
from flows.reading import read_options
from runtime.metrics import SERVED_PORTS
from runtime.outage import persist
from runtime.settings.whole import Settings
from schemas.errors import TapeflowError, Unreachable

__all__ = ["Lookout", "look_after", "servers_of"]

EVERY_S: Final = 5.0
TURN_S: Final = 0.25
SETTLED_TURNS: Final = 2
LAST_WORD_S: Final = 1.0
PATIENCE_S: Final = 10.0
"""The engine opens state and meets its peers before it reads; from then on a word is due, ever more rarely."""

_log = structlog.get_logger()


class Source(Protocol):
    """Such as KafkaSource."""

    @property
    def is_reading(self) -> bool: ...

    def positions(self) -> list[PartitionPosition]: ...


class Group(Protocol):
    """Such as GroupOffsets."""

    def tell(self, offsets: Mapping[int, int]) -> None: ...

    def finish(self, offsets: Mapping[int, int], wait_s: float) -> None: ...


class Lookout:
    """One per flow and process. ``ends``: asks where partitions end, such as TopicEnds.ask; ``where``: whom, for logs.

    group: who is told how far the flow is. facts: what the line about the start tells beside positions. The thread
    begins with ``start`` and ends with ``stop``, or when no part of the source is open any more.
    """

    def __init__(
        self,
        source: Source,
        ends: Callable[[Iterable[int]], Mapping[int, LogEnd]],
        *,
        where: str,
        stop: threading.Event,
        group: Group | None = None,
        facts: Callable[[], Mapping[str, object]] = dict,
        every_s: float = EVERY_S,
        turn_s: float = TURN_S,
    ) -> None:
        self._source = source
        self._ask = ends
        self._where = where
        self._stop = stop
        self._group = group
        self._facts = facts
        self._every_s = every_s
        self._turn_s = turn_s
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
        began_s = time.monotonic()
        if not self._await_parts(began_s):
            return
        begun = self._source.positions()
        offsets = {str(position.partition): position.began_at for position in begun}
        _log.info("flow_started", partitions=len(begun), offsets=offsets, **self._facts())
        try:
            self._keep_looking(began_s)
        except Unreachable:
            return  # stopped
        except TapeflowError as error:
            _log.warning("lag_question_refused", error=str(error), consequence="lag is what the reader last heard")
        finally:
            if self._group is not None:
                self._group.finish(self._offsets(), LAST_WORD_S)

    def _await_parts(self, began_s: float) -> bool:
        """Wait until the parts of this process are open; False when stopped before."""
        known, settled, patience_s = 0, 0, PATIENCE_S
        while settled < SETTLED_TURNS:
            if self._stop.wait(self._turn_s):
                return False
            before, known = known, len(self._source.positions())
            settled = settled + 1 if known and known == before else 0
            waited_s = time.monotonic() - began_s
            if not known and waited_s >= patience_s:
                why = "state is opened, other processes are awaited, or partitions are fewer than processes"
                _log.info("partitions_awaited", waited_s=round(waited_s, 1), why=why)
                patience_s *= 2
        return True

    def _keep_looking(self, began_s: float) -> None:
        caught_up, looked_s = False, began_s
        while not self._stop.wait(self._turn_s) and self._source.is_reading:
            caught_up = caught_up or self._say_caught_up(began_s)
            if time.monotonic() - looked_s >= self._every_s:
                self.look()
                if self._group is not None:
                    self._group.tell(self._offsets())
                looked_s = time.monotonic()

    def _offsets(self) -> dict[int, int]:
        return {each.partition: each.next_offset for each in self._source.positions()}

    def _say_caught_up(self, began_s: float) -> bool:
        positions = self._source.positions()
        if not all(position.caught_up for position in positions):
            return False
        offsets = sum(position.next_offset - position.began_at for position in positions)
        _log.info("flow_caught_up", offsets_read=offsets, took_s=round(time.monotonic() - began_s, 1))
        return True

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


def look_after(flow: str, source: KafkaSource[Any], settings: Settings, stop: threading.Event) -> Lookout:
    """A lookout that begins as soon as the engine starts ``flow``."""

    def facts() -> dict[str, object]:
        return {
            "flow": flow,
            "version": version("tapeflow"),
            "topic": settings.kafka_topic,
            "resumed": source.is_resumed,
            "recovery_dir": str((settings.recovery_dir / flow).absolute()),
            "metrics_ports": list(SERVED_PORTS),
            "settings": settings.changed(),
        }

    options = read_options(settings)
    group = GroupOffsets(options, f"{settings.kafka_group}-{flow}") if settings.kafka_group else None
    ends = TopicEnds(options).ask
    lookout = Lookout(source, ends, where=settings.kafka_bootstrap, stop=stop, group=group, facts=facts)
    source.when_listed(lookout.start)
    return lookout


def servers_of(settings: Settings, *own: str) -> tuple[str, ...]:
    """What a flow may have to wait for, as the metric calls it; ``own``: beside Kafka and the registry."""
    has_registry = settings.schema_registry_url and settings.value_format == "confluent"
    return ("kafka", *own, *(("schema-registry",) if has_registry else ()))
