"""What symbols' windows hold, with room that grows, and as recovery keeps it.

RuleBook owns one and hands its tables to the kernels (core.alerts.spans_kernel). Recovery state holds only the slices
that a window still sees, so a symbol that rarely trades takes little of it.
"""

from collections.abc import Iterable

import msgspec
import numpy as np

from core.alerts.rule_heap import NOTHING
from core.alerts.spans_kernel import HEAD, NEVER_US, SLICE_US, SLICES, SLOT, SLOTS, SPAN_COUNT, Spans
from schemas.columns import Longs

__all__ = ["freeze_spans", "new_spans", "thaw_spans", "widened"]

RING_SLICES: Longs = np.repeat(np.arange(SPAN_COUNT), SLICES)
"""The window of each of a symbol's slots."""


class _Frozen(msgspec.Struct, array_like=True):
    heads: bytes
    opens: bytes
    places: bytes
    slots: bytes


def new_spans(symbols: int) -> Spans:
    """Of symbols without a trade."""
    heads = np.zeros(symbols, HEAD)
    heads["newest_us"], heads["ladder"] = NEVER_US, NOTHING
    slots, opens = np.zeros(symbols * SLOTS, SLOT), np.zeros(symbols * SPAN_COUNT, SLOT)
    return Spans(heads, slots, opens, np.zeros(5, np.uint64))


def widened(spans: Spans, symbols: int) -> Spans:
    """The same with room for so many symbols."""
    more = new_spans(symbols)
    for old, new in zip(_tables(spans), _tables(more), strict=True):
        new[: len(old)] = old
    return more


def freeze_spans(spans: Spans, symbols: int) -> bytes:
    """State of the first ``symbols``."""
    heads = spans.heads[:symbols].copy()
    heads["ladder"] = NOTHING
    opens, slots = spans.opens[: symbols * SPAN_COUNT], spans.slots[: symbols * SLOTS]
    oldest_us = opens["start_us"] - np.tile(SLICES * SLICE_US, symbols)
    seen_us = oldest_us.reshape(symbols, SPAN_COUNT)[:, RING_SLICES].ravel()
    places = np.flatnonzero((slots["start_us"] > seen_us) & (slots["count"] > 0))
    frozen = _Frozen(heads.tobytes(), opens.tobytes(), places.astype(np.int32).tobytes(), slots[places].tobytes())
    return msgspec.msgpack.encode(frozen)


def thaw_spans(state: bytes) -> Spans:
    """Raises msgspec.DecodeError or ValueError where the bytes are no such state."""
    frozen = msgspec.msgpack.decode(state, type=_Frozen)
    heads = np.frombuffer(frozen.heads, HEAD)
    spans = new_spans(len(heads))
    spans.heads[:] = heads
    spans.opens[:] = np.frombuffer(frozen.opens, SLOT)
    spans.slots[np.frombuffer(frozen.places, np.int32)] = np.frombuffer(frozen.slots, SLOT)
    return spans


def _tables(spans: Spans) -> Iterable[np.ndarray]:
    return spans.heads, spans.slots, spans.opens
