"""The span of a batch on its way through a flow: polled, decoded, applied; what trades became is written under it.

``traced`` begins it around a flow's decode, ``applying`` ends it around a step. A batch with a sampled record, or whose
turn it is, has a span from its decoding on, so log lines carry its ids and stores' spans follow it. Any other gets one
afterwards, when it failed or was slow. Where traces are off a batch has no BatchTrace, and nothing is measured.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, TypeVar, cast

from runtime.tracing.names import (
    BATCH_SIZE,
    DESTINATION,
    FIRST_OFFSET,
    LAST_OFFSET,
    MESSAGING_SYSTEM,
    OPERATION_NAME,
    OPERATION_TYPE,
    PARTITION,
)
from runtime.tracing.tracer import CONSUMER, LiveSpan, tracer, within
from schemas.columns import RawBatch
from schemas.traces import BatchTrace, Value

__all__ = ["applying", "traced"]


class Decoded(Protocol):
    """A batch of trades, quotes or records of a desk."""

    topic: str
    partition: int
    read: int
    next_offset: int
    trace: BatchTrace | None


B = TypeVar("B", bound=Decoded)
UNTRACED: Final[AbstractContextManager[None]] = nullcontext()


def traced(decode: Callable[[RawBatch], B]) -> Callable[[RawBatch], B]:
    """``decode``, with a span of each batch that is chosen."""

    def timed(raw: RawBatch) -> B:
        if (trace := raw.trace) is None:
            return decode(raw)
        polled_ns = time.time_ns()
        trace.parts.append(("poll", trace.began_ns, polled_ns))
        span = tracer().begin(f"process {raw.topic}", CONSUMER, trace.began_ns, trace.parents, _about(raw), enters=True)
        trace.span = span
        with _ending(trace, "decode", polled_ns, lambda: _about(raw), raw.topic, at_end=False):
            batch = decode(raw)
        batch.trace = trace
        return batch

    return timed


def applying(batch: Decoded) -> AbstractContextManager[None]:
    """Around what a step does with ``batch``; its span ends with it."""
    if batch.trace is None:
        return UNTRACED
    return _ending(batch.trace, "apply", time.time_ns(), lambda: _about_decoded(batch), batch.topic, at_end=True)


@contextmanager
def _ending(
    trace: BatchTrace, part: str, began_ns: int, about: Callable[[], dict[str, Value]], topic: str, *, at_end: bool
) -> Iterator[None]:
    failure = ""
    try:
        with within(cast(LiveSpan | None, trace.span)):
            yield
    except BaseException as error:
        # Also for Ctrl-C: a batch that ended so is told as failed, then the error goes on.
        failure = type(error).__name__
        raise
    finally:
        ended_ns = time.time_ns()
        trace.parts.append((part, began_ns, ended_ns))
        if failure or at_end:
            _end(trace, ended_ns, failure, about, topic)


def _end(trace: BatchTrace, ended_ns: int, failure: str, about: Callable[[], dict[str, Value]], topic: str) -> None:
    span = cast(LiveSpan | None, trace.span)
    if span is None and (failure or tracer().is_worth_it(trace.began_ns, ended_ns)):
        span = tracer().begin_root(f"process {topic}", CONSUMER, trace.began_ns, about())
    if span is None:
        return
    for part in trace.parts:
        span.part(part)
    if failure:
        span.fail(failure)
    span.end(ended_ns)


def _about(raw: RawBatch) -> dict[str, Value]:
    return _attributes(raw.topic, raw.partition, len(raw), int(raw.offsets[0]), int(raw.offsets[-1]))


def _about_decoded(batch: Decoded) -> dict[str, Value]:
    return _attributes(batch.topic, batch.partition, batch.read, batch.next_offset - batch.read, batch.next_offset - 1)


def _attributes(topic: str, partition: int, records: int, first: int, last: int) -> dict[str, Value]:
    return {
        MESSAGING_SYSTEM: "kafka",
        OPERATION_TYPE: "process",
        OPERATION_NAME: "process",
        DESTINATION: topic,
        PARTITION: str(partition),
        BATCH_SIZE: records,
        FIRST_OFFSET: first,
        LAST_OFFSET: last,
    }
