"""``GET /health/flows``: how flows and ingesters beside the gateway are doing, for an operator's page.

The flows' own metrics say it; the setting ``gateway_flows`` names where they are served. A flow that is dead is told as
such and is never an error. It needs no token and says no host name and no address.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.rest.endpoint import Call, Operation
from gateway.rest.reply import Reply
from gateway.stores.feed_metrics import VenueStatus
from gateway.stores.flow_metrics import FlowMetrics, FlowStatus, Worker

__all__ = ["Flows", "FlowsAnswer"]

NO_STORE: Final = [(b"cache-control", b"no-store")]
EXAMPLE: Final = FlowStatus(
    flow="live",
    process=0,
    up=True,
    version="0.3.0",
    start_time=1767225000000,
    records_read=1_500_000,
    records_per_s=5000.0,
    lag_records=25,
    lag_ms=5.0,
    latency_p50_ms=48.2,
    latency_p99_ms=131.7,
    applied=1_499_000,
    duplicate=700,
    late=200,
    rejected=100,
    rejects={"no-symbol": 100},
    late_by_interval={"1m": 200},
    bars_final={"1m": 6000, "5m": 1200},
    symbols=500,
    workers=[Worker("0", 4, 4)],
)
INGESTER: Final = FlowStatus(
    flow="ingest",
    process=0,
    up=True,
    version="0.3.0",
    start_time=1767225000000,
    venues=[
        VenueStatus(
            venue="bitget",
            markets=250,
            connections=10,
            trades_per_s=410.5,
            quotes_per_s=1200.0,
            received_p50_ms=61.0,
            received_p99_ms=190.0,
            written_p50_ms=4.2,
            written_p99_ms=9.7,
            clock_ahead_ms=38.4,
            gaps_filled=3,
        )
    ],
)


class FlowsAnswer(msgspec.Struct):
    flows: Annotated[list[FlowStatus], Meta(description="Each process that the setting names; none by default")]


class Flows:
    """Handler of the flows' health."""

    def __init__(self, metrics: FlowMetrics) -> None:
        self._metrics = metrics

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/health/flows",
                self.answer,
                "getFlows",
                "health",
                "Lag, rates, rejects and bars of the flows",
                FlowsAnswer,
                public=True,
                limited=False,
                description="By process, at most 2 s old, from the flows' metrics. One that doesn't answer within a "
                "second is not up, and error says why.",
                example=msgspec.to_builtins(FlowsAnswer([EXAMPLE, INGESTER])),
            ),
        )

    async def answer(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        return Reply(msgspec.json.encode(FlowsAnswer(await self._metrics.read())), headers=NO_STORE)
