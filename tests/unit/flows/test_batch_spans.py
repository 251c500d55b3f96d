"""The span of a batch, from its poll to the end of its step."""

from dataclasses import replace

import numpy as np
import pytest

from connectors.synthetic import SyntheticMarket, symbol_names
from flows.batch_spans import applying, traced
from schemas.columns import RawBatch, TradeBatch
from schemas.traces import BatchTrace
from tests.unit.runtime.tracing.keeper import Keeper

NO_KEYS: list[bytes | None] = []
ABOUT = {
    "messaging.system": "kafka",
    "messaging.operation.type": "process",
    "messaging.operation.name": "process",
    "messaging.destination.name": "trades",
    "messaging.destination.partition.id": "2",
    "messaging.batch.message_count": 3,
    "messaging.kafka.offset": 7,
    "tapeflow.last_offset": 9,
}


def raw(trace: BatchTrace | None) -> RawBatch:
    places = np.arange(3, dtype=np.int64)
    return RawBatch("trades", 2, b"abc", places + 1, places + 7, places, NO_KEYS, trace=trace)


def decoded(batch: RawBatch) -> TradeBatch:
    taken = SyntheticMarket(symbol_names(1)).take(3, 1_000)
    return replace(taken, topic=batch.topic, partition=batch.partition, next_offset=10)


def test_a_batch_without_a_trace_goes_through_as_it_is(keeper: Keeper) -> None:
    batch = traced(decoded)(raw(None))
    with applying(batch):
        pass
    assert (batch.trace, keeper.spans) == (None, [])


def test_a_sampled_record_makes_a_span_from_poll_to_step(keeper: Keeper) -> None:
    batch = traced(decoded)(raw(BatchTrace(1, ["no", "yes"])))
    assert batch.trace is not None
    assert batch.trace.traceparents == ("of process trades",)
    with applying(batch):
        assert keeper.spans[0].ended == 0
    (span,) = keeper.spans
    assert (span.name, span.parents, span.attributes) == ("process trades", ["yes"], ABOUT)
    assert [part[0] for part in span.parts] == ["poll", "decode", "apply"]
    assert all(began_ns <= ended_ns for _, began_ns, ended_ns in span.parts)
    assert (span.failures, span.ended) == ([], 1)


def test_a_slow_batch_and_one_that_failed_get_theirs_afterwards(keeper: Keeper) -> None:
    batch = traced(decoded)(raw(BatchTrace(1)))  # since 1970
    assert keeper.spans == []
    with applying(batch):
        pass
    (slow,) = keeper.spans
    assert (slow.attributes, [part[0] for part in slow.parts]) == (ABOUT, ["poll", "decode", "apply"])

    def broken(_: RawBatch) -> TradeBatch:
        raise KeyError

    with pytest.raises(KeyError):
        traced(broken)(raw(BatchTrace(2**62)))
    assert (keeper.spans[1].failures, keeper.spans[1].ended) == (["KeyError"], 1)
    assert [part[0] for part in keeper.spans[1].parts] == ["poll", "decode"]
