"""The step of a desk: batches in, updates out, its clock, its state, and the order that it insists on."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from core.analytics.rules import DeskRules
from flows.analytics_metrics import DeskMetrics
from flows.analytics_step import DeskStep
from schemas.errors import StateIncompatible
from schemas.traces import BatchTrace
from tests.property.desk_records import START_US, decision, routing_batch
from tests.unit.runtime.tracing.keeper import Keeper

RULES = DeskRules(2_000_000, 60_000_000, 500)
BEGUN = datetime.fromtimestamp(START_US / 1_000_000, UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> datetime:
        return self.now


def step(clock: Clock, desk: RoutingDesk | None = None) -> DeskStep:
    return DeskStep(
        desk or RoutingDesk(RULES), snapshot_routing, 500, DeskMetrics("analytics", CollectorRegistry()), clock
    )


def test_the_span_of_a_batch_ends_with_its_step(keeper: Keeper) -> None:
    batch = routing_batch([decision(0)])
    batch.trace = BatchTrace(1)  # slow, as it began in 1970
    step(Clock()).on_batch([batch])
    assert [(span.name, span.ended) for span in keeper.spans] == [(f"process {batch.topic}", 1)]


def test_a_batch_gives_an_update_and_the_clock_announces_only_what_is_caught_up() -> None:
    clock = Clock()
    one = step(clock)
    batch = routing_batch([decision(0)])
    (update,), keep = one.on_batch([batch])
    assert (update.batch, len(update.output.entries), keep) == (batch, 1, one.RETAIN)
    assert one.notify_at() is None
    assert one.on_notify() == ((), one.RETAIN)
    empty = routing_batch([], next_offset=1)
    empty.caught_up = True
    one.on_batch([empty])
    assert one.notify_at() == BEGUN + timedelta(seconds=1.5)
    assert one.on_notify() == ((), one.RETAIN)
    clock.now = BEGUN + timedelta(seconds=1.5)
    [announced], _ = one.on_notify()
    assert announced.batch is None
    assert [entry.kind for entry in announced.output.entries] == ["routing-stats"]
    assert one.notify_at() == BEGUN + timedelta(seconds=60.5)


def test_state_goes_on_where_it_was_and_never_counts_twice() -> None:
    one = step(Clock())
    one.on_batch([routing_batch([decision(0), decision(1)])])
    again = step(Clock(), restore_routing(one.snapshot(), RULES))
    assert again.snapshot() == one.snapshot()
    with pytest.raises(StateIncompatible, match="offsets below 2 and its source starts at 1"):
        again.on_batch([routing_batch([decision(1)])])
