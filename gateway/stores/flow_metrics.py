"""What the flows, and ingesters, say of themselves: their Prometheus metrics, for ``/health/flows``.

A setting names where each process of a flow serves them. They are scraped when somebody asks, at most once in LOOK_S,
each in a thread of its own. A process that doesn't answer within SCRAPE_S is told as down, in a word and without its
address; the log has the whole text. Rates and latencies are those since the look before.
"""

import asyncio
import http.client
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta
from prometheus_client.parser import text_string_to_metric_families

from gateway.stores.feed_metrics import FEED_LABELS, VenueStatus, venues_of
from runtime.download import download
from runtime.quantiles import Buckets, quantile_ms

__all__ = ["FlowMetrics", "FlowStatus", "Worker", "read_scrape"]

LOOK_S: Final = 2.0
SCRAPE_S: Final = 1.0
SPARE_S: Final = 0.2  # what the answer may take beyond, to be told as late by the scrape itself
BYTES_MAX: Final = 64_000_000
THREADS: Final = 8
SHOWN: Final = re.compile(  # of tens of thousands of lines by symbol none is parsed
    rb"^(?:tapeflow_(?:build|records_read|trades|rejects|late|bars_final|unjudged|lag_records|symbols|server_down"
    rb"|worker_partitions|latency_ms|feed_(?:markets|connections|clock_ahead_ms|rows|gaps|received_ms|written_ms))"
    rb"(?:_total|_info|_bucket)?|process_start_time_seconds)[{ ].*$",
    re.MULTILINE,
)
log = structlog.get_logger(__name__)


class Worker(msgspec.Struct, rename="camel"):
    """Partitions that one worker reads (``source``) and counts (``state``)."""

    worker: str
    source: int = 0
    state: int = 0


class FlowStatus(msgspec.Struct, rename="camel", kw_only=True):
    """One process of a flow. Counts are since its start; what isn't known is null."""

    flow: Annotated[str, Meta(description="As the gateway's setting calls it")]
    process: Annotated[int, Meta(description="Among those of this flow, in the order of the setting")]
    up: bool
    error: Annotated[str, Meta(description="Why it isn't up: no answer in time, not reachable, no metrics")] = ""
    version: str = ""
    start_time: Annotated[int | None, Meta(description="Milliseconds since the epoch")] = None
    records_read: int = 0
    records_per_s: Annotated[float | None, Meta(description="Since the look before")] = None
    lag_records: Annotated[int, Meta(description="Records that could be read and aren't yet")] = 0
    lag_ms: Annotated[float | None, Meta(description="What the lag takes at this rate; null while nothing is read")] = (
        None
    )
    latency_p50_ms: Annotated[
        float | None, Meta(description="From a trade's Kafka timestamp to its ticker written, since the look before")
    ] = None
    latency_p99_ms: float | None = None
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0
    unjudged: int = 0
    rejects: Annotated[dict[str, int], Meta(description="Refused records by reason")] = {}
    late_by_interval: dict[str, int] = {}
    bars_final: Annotated[dict[str, int], Meta(description="Final and revised bars written, by interval")] = {}
    symbols: int = 0
    servers_down: Annotated[list[str], Meta(description="Servers that it waits for")] = []
    workers: list[Worker] = []
    venues: Annotated[list[VenueStatus], Meta(description="Of tapeflow ingest; flows have none")] = []


@dataclass(slots=True)
class Scrape:
    """One process's metrics at ``at_s``: of each name, label values to value."""

    at_s: float
    values: dict[str, dict[tuple[str, ...], float]]

    def total(self, name: str) -> int:
        return int(sum(self.values.get(name, {}).values()))

    def by(self, name: str) -> dict[str, int]:
        """Added up by the last label."""
        found: dict[str, int] = defaultdict(int)
        for labels, value in sorted(self.values.get(name, {}).items()):
            found[labels[-1]] += int(value)
        return dict(found)

    def buckets(self) -> Buckets:
        return {float(le): float(count) for le, count in self.by("tapeflow_latency_ms_bucket").items()}

    @property
    def start_ms(self) -> int | None:
        return int(self.values.get("process_start_time_seconds", {}).get((), 0) * 1000) or None


LABELS: Final = {
    "tapeflow_build_info": ("version",),
    "tapeflow_trades_total": ("outcome",),
    "tapeflow_rejects_total": ("reason",),
    "tapeflow_late_total": ("interval",),
    "tapeflow_bars_final_total": ("interval",),
    "tapeflow_latency_ms_bucket": ("le",),
    "tapeflow_server_down": ("server",),
    "tapeflow_worker_partitions": ("worker", "part"),
    **FEED_LABELS,
}
"""The labels that are kept; over the others values are added up."""


def read_scrape(text: bytes, at_s: float) -> Scrape:
    """The metrics of a flow in Prometheus text; raises ValueError where there are none."""
    lines = b"\n".join(SHOWN.findall(text)).decode() + "\n"
    values: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(lines):
        for sample in family.samples:
            key = tuple(sample.labels.get(label, "") for label in LABELS.get(sample.name, ()))
            of_name = values.setdefault(sample.name, {})
            of_name[key] = of_name.get(key, 0.0) + sample.value
    if "tapeflow_build_info" not in values:
        raise ValueError("these are no metrics of tapeflow")
    return Scrape(at_s, values)


def status_of(flow: str, process: int, now: Scrape, before: Scrape | None) -> FlowStatus:
    """What is shown; ``before`` None: the first look, or another process than then."""
    read, lag = now.total("tapeflow_records_read_total"), max(now.total("tapeflow_lag_records"), 0)
    rate = None
    if before is not None and now.at_s > before.at_s:
        rate = round((read - before.total("tapeflow_records_read_total")) / (now.at_s - before.at_s), 3)
    outcomes = now.by("tapeflow_trades_total")
    workers: dict[str, Worker] = {}
    for (worker, part), count in sorted(now.values.get("tapeflow_worker_partitions", {}).items()):
        setattr(workers.setdefault(worker, Worker(worker)), part, int(count))
    buckets, earlier = now.buckets(), before.buckets() if before else None
    return FlowStatus(
        flow=flow,
        process=process,
        up=True,
        version=next(iter(now.values["tapeflow_build_info"]))[0],
        start_time=now.start_ms,
        records_read=read,
        records_per_s=rate,
        lag_records=lag,
        lag_ms=0.0 if lag == 0 else round(lag / rate * 1000, 3) if rate else None,
        latency_p50_ms=quantile_ms(buckets, 0.5, earlier),
        latency_p99_ms=quantile_ms(buckets, 0.99, earlier),
        applied=outcomes.get("applied", 0),
        duplicate=outcomes.get("duplicate", 0),
        late=outcomes.get("late", 0),
        rejected=outcomes.get("rejected", 0),
        unjudged=now.total("tapeflow_unjudged_total"),
        rejects=now.by("tapeflow_rejects_total"),
        late_by_interval=now.by("tapeflow_late_total"),
        bars_final=now.by("tapeflow_bars_final_total"),
        symbols=now.total("tapeflow_symbols"),
        servers_down=[server for server, down in now.by("tapeflow_server_down").items() if down],
        workers=list(workers.values()),
        venues=venues_of(now.values, before.values if before else None, now.at_s - before.at_s if before else 0.0),
    )


@dataclass(slots=True)
class Target:
    """Where one process serves its metrics, and what the last look at it gave."""

    flow: str
    process: int
    address: str
    scrape: Scrape | None = None
    running: "Future[Scrape] | None" = None
    error: str = field(default="")


class FlowMetrics:
    """Looks at all processes that ``texts`` (``name=address``) tell."""

    def __init__(self, texts: Sequence[str]) -> None:
        seen: dict[str, int] = defaultdict(int)
        self._targets: list[Target] = []
        for text in texts:
            flow, _, address = text.partition("=")
            self._targets.append(Target(flow, seen[flow], address))
            seen[flow] += 1
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flow-metrics")
        self._asked: asyncio.Task[list[FlowStatus]] | None = None
        self._asked_s = 0.0

    async def read(self) -> list[FlowStatus]:
        """The state of every process, at most LOOK_S old; never raises for one that doesn't answer."""
        now_s = time.monotonic()
        if self._asked is None or (self._asked.done() and now_s - self._asked_s >= LOOK_S):
            self._asked_s, self._asked = now_s, asyncio.create_task(self._look())
        return await asyncio.shield(self._asked)  # one who leaves takes it from nobody else

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look(self) -> list[FlowStatus]:
        return list(await asyncio.gather(*(self._look_at(target) for target in self._targets)))

    async def _look_at(self, target: Target) -> FlowStatus:
        error, cause = "", ""
        try:
            now = await self._scrape(target)
        except TimeoutError as failure:
            error, cause = "no answer in time", repr(failure)
        except (OSError, http.client.HTTPException) as failure:
            error, cause = "not reachable", str(failure)
        except ValueError as failure:
            error, cause = "no metrics", str(failure)
        if error != target.error:
            target.error = error
            log.warning(
                "flow_changed",
                flow=target.flow,
                process=target.process,
                status="down" if error else "up",
                address=target.address,
                error=cause,
            )
        if error:
            target.scrape = None
            return FlowStatus(flow=target.flow, process=target.process, up=False, error=error)
        before, target.scrape = target.scrape, now
        same = before is not None and before.start_ms == now.start_ms
        return status_of(target.flow, target.process, now, before if same else None)

    async def _scrape(self, target: Target) -> Scrape:
        if target.running is not None and not target.running.done():
            raise TimeoutError("the look before still waits")  # for a name to be resolved, which nothing cuts short
        target.running = self._threads.submit(_scrape, target.address)
        async with asyncio.timeout(SCRAPE_S + SPARE_S):
            return await asyncio.shield(asyncio.wrap_future(target.running))


def _scrape(address: str) -> Scrape:
    at_s = time.monotonic()
    return read_scrape(download(address, total_s=SCRAPE_S, bytes_max=BYTES_MAX, proxied=False), at_s)
