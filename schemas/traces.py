"""What a traced batch carries on its way from the poll to the stores: plain values, and the span that it began.

Readers make a BatchTrace, flows.batch_spans fills it in, sinks read the traceparents. Nothing here knows
OpenTelemetry: Span is what runtime.tracing gives. A batch of an untraced process carries none.
Contexts travel as text of the form that W3C Trace Context calls ``traceparent``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

__all__ = [
    "LINKS_MAX",
    "TRACEPARENT",
    "TRACEPARENT_BYTES",
    "BatchTrace",
    "Part",
    "Span",
    "Value",
    "is_sampled",
    "trace_id",
]

TRACEPARENT = "traceparent"
"""Name of the header of a record or a request, and of the field of a stream's entry."""
TRACEPARENT_BYTES = 55
"""Length of the only version there is; a longer one is of a later version and begins with the same fields."""
_SAMPLED = tuple(bytes([each]) for each in b"13579bdf")
LINKS_MAX = 128
"""Contexts that one span names; OpenTelemetry drops what is more."""
Value: TypeAlias = str | int | bool
Part: TypeAlias = tuple[str, int, int]
"""A stretch inside a span: its name, and its first and last moment in ns since the epoch."""


def is_sampled(traceparent: bytes) -> bool:
    """Whether it says so, as far as its last hexadecimal digit tells; False for what is too short."""
    return traceparent[TRACEPARENT_BYTES - 1 : TRACEPARENT_BYTES] in _SAMPLED


def trace_id(traceparent: str) -> str:
    """32 hexadecimal digits, of a well-formed ``traceparent``."""
    return traceparent.split("-")[1]


class Span(Protocol):
    """A span that has begun; one that isn't recorded takes all calls and says nothing."""

    traceparent: str
    """Its context, for what comes after it; empty when it isn't recorded."""

    def set(self, name: str, value: Value) -> None: ...
    def fail(self, why: str) -> None: ...
    def part(self, part: Part) -> None:
        """A child that began and ended."""


@dataclass(slots=True)
class BatchTrace:
    """began_ns: when its poll began. parents: contexts of its records, at most LINKS_MAX, in offset order.

    span: once it is chosen to be recorded. parts: of its way so far.
    """

    began_ns: int
    parents: Sequence[str] = ()
    span: Span | None = None
    parts: list[Part] = field(default_factory=list)

    @property
    def traceparents(self) -> tuple[str, ...]:
        """The context of its span, if it is recorded."""
        return (self.span.traceparent,) if self.span is not None else ()
