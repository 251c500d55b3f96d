"""Where a trade's time goes on its way to a WebSocket client, stage by stage, from the spans of the product itself.

``bench.gateway_flow --stages`` traces 1 in ONE_IN trades and hands in their spans, their records and when a client had
each. A stage ends where the next one begins, so the means add up to the trade's age; percentiles don't. Batches and
writes are shared: of a write that joins several shards the first hand-over behind the trade's step counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.servers.otlp import SpanSeen

__all__ = ["ONE_IN", "STAGES", "TracedTrade", "stage_lines", "stages_ms"]

ONE_IN: Final = 500
STAGES: Final = (
    "produce, broker, fetch",
    "poll and decode",
    "queue to the step",
    "step",
    "conflation window",
    "wait for the writer",
    "encode",
    "Redis",
    "gateway reads, waits",
    "flush",
    "socket and client",
)


@dataclass(frozen=True)
class TracedTrade:
    """context: of the record. at_ns: when the first message that covers it was at its client."""

    context: str
    at_ns: int


class Way:
    """Spans by what they follow: a parent or a link."""

    def __init__(self, spans: Iterable[SpanSeen]) -> None:
        self._by_ids: dict[str, SpanSeen] = {}
        self._after: dict[tuple[str, str], list[SpanSeen]] = defaultdict(list)
        for span in spans:
            self._by_ids[_ids(span.traceparent)] = span
            for context in {f"00-{span.trace}-{span.parent}-01", *span.links}:
                self._after[_ids(context), span.name.partition(" ")[0]].append(span)

    def of(self, context: str) -> SpanSeen:
        return self._by_ids[_ids(context)]

    def after(self, context: str, word: str) -> list[SpanSeen]:
        """Those whose name begins with ``word``, by their beginning."""
        return sorted(self._after[_ids(context), word], key=lambda span: span.began_ns)


def _ids(context: str) -> str:
    """Without version and flags."""
    return context[3:52]


def stages_ms(spans: Iterable[SpanSeen], trades: Iterable[TracedTrade]) -> NDArray[np.float64]:
    """float64[n, len(STAGES)], of the trades whose way is known whole."""
    way = Way(spans)
    found = [moments for trade in trades if (moments := _moments_ns(way, trade)) is not None]
    if not found:
        raise SystemExit("no figures: no trade's way is known whole")
    return np.diff(np.array(found)) / 1e6


def _moments_ns(way: Way, trade: TracedTrade) -> Sequence[int] | None:
    try:
        sent = way.of(trade.context)
        batch = way.after(trade.context, "process")[0].traceparent
        poll, decode, apply = (way.after(batch, word)[0] for word in ("poll", "decode", "apply"))
        write = way.after(batch, "write")[0]
        made = (each.began_ns for each in way.after(write.traceparent, "wait"))
        made_ns = next(began_ns for began_ns in made if began_ns >= apply.began_ns)
        encode = way.after(write.traceparent, "encode")[0]
        flush = [each for each in way.after(write.traceparent, "fan") if each.began_ns < trade.at_ns][-1]
    except (KeyError, IndexError, StopIteration):
        return None
    applied_ns = min(apply.began_ns + apply.took_ns, made_ns)  # a step may publish as it applies
    written_ns, flushed_ns = write.began_ns + write.took_ns, flush.began_ns + flush.took_ns
    return (
        sent.began_ns, poll.began_ns, decode.began_ns + decode.took_ns, apply.began_ns, applied_ns, made_ns,
        encode.began_ns, encode.began_ns + encode.took_ns, written_ns, max(flush.began_ns, written_ns),
        max(flushed_ns, written_ns), trade.at_ns,
    )  # fmt: skip


def stage_lines(stages: NDArray[np.float64]) -> Iterable[str]:
    yield f"  stages of {len(stages):,} trades, ms: mean, p50, p99"
    for name, taken in (*zip(STAGES, stages.T, strict=True), ("all of it", stages.sum(axis=1))):
        yield f"    {name:24} {taken.mean():6.1f} {np.percentile(taken, 50):6.1f} {np.percentile(taken, 99):6.1f}"
