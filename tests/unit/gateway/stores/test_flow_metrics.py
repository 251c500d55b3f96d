"""What is read out of a flow's metrics, what follows from two looks, and processes that don't answer as they should."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest
import structlog
from prometheus_client import CollectorRegistry

from flows.metrics import FlowMetrics as Counted
from gateway.rest.flows import Flows, FlowsAnswer
from gateway.stores.flow_metrics import SCRAPE_S, FlowMetrics, FlowStatus, read_scrape, status_of
from local.ports import free_port
from runtime.metrics import MetricsServer, serve_metrics

BUILD = b'tapeflow_build_info{python="3.11.7",version="9.9"} 1.0\n'


def text(read: int, rejected: int = 0, lag: int = 0, start_s: float = 1767225000.5, above: int = 0) -> bytes:
    """Metrics of a flow with two partitions; ``above``: latencies over 100 ms, beside ten up to 50."""
    return (
        BUILD
        + (
            f"process_start_time_seconds {start_s}\n"
            f'tapeflow_records_read_total{{flow="live",partition="0"}} {read - 1}.0\n'
            f'tapeflow_records_read_total{{flow="live",partition="1"}} 1.0\n'
            f'tapeflow_trades_total{{flow="live",outcome="applied",partition="0"}} 7.0\n'
            f'tapeflow_trades_total{{flow="live",outcome="applied",partition="1"}} 1.0\n'
            f'tapeflow_trades_total{{flow="live",outcome="duplicate",partition="1"}} 2.0\n'
            f'tapeflow_rejects_total{{flow="live",reason="no-symbol"}} {rejected}.0\n'
            f'tapeflow_late_total{{flow="live",interval="1m"}} 3.0\n'
            f'tapeflow_bars_final_total{{flow="live",interval="1m"}} 6.0\n'
            f'tapeflow_bars_final_total{{flow="live",interval="5m"}} 2.0\n'
            f'tapeflow_lag_records{{flow="live",partition="0"}} {lag}.0\n'
            f'tapeflow_lag_records{{flow="live",partition="1"}} 0.0\n'
            f'tapeflow_server_down{{flow="live",server="kafka"}} 0.0\n'
            f'tapeflow_server_down{{flow="live",server="redis"}} 1.0\n'
            f'tapeflow_worker_partitions{{flow="live",part="source",worker="0"}} 2.0\n'
            f'tapeflow_worker_partitions{{flow="live",part="state",worker="0"}} 1.0\n'
            f'tapeflow_symbols{{flow="live"}} 5.0\n'
            f'tapeflow_latency_ms_bucket{{flow="live",le="50.0"}} 10.0\n'
            f'tapeflow_latency_ms_bucket{{flow="live",le="100.0"}} 10.0\n'
            f'tapeflow_latency_ms_bucket{{flow="live",le="200.0"}} {10 + above}.0\n'
            f'tapeflow_latency_ms_bucket{{flow="live",le="+Inf"}} {10 + above}.0\n'
        ).encode()
    )


def test_a_first_look_has_counts_and_no_rate() -> None:
    found = status_of("live", 0, read_scrape(text(100, rejected=4, lag=50), 10.0), None)
    assert found.up
    assert (found.version, found.start_time) == ("9.9", 1767225000500)
    assert (found.records_read, found.lag_records, found.records_per_s, found.lag_ms) == (100, 50, None, None)
    assert (found.applied, found.duplicate, found.late, found.rejected) == (8, 2, 0, 0)
    assert (found.rejects, found.late_by_interval) == ({"no-symbol": 4}, {"1m": 3})
    assert found.bars_final == {"1m": 6, "5m": 2}
    assert (found.symbols, found.servers_down) == (5, ["redis"])
    assert [(each.worker, each.source, each.state) for each in found.workers] == [("0", 2, 1)]


def test_a_second_look_has_rate_lag_and_latency_of_the_time_between() -> None:
    before, now = read_scrape(text(100), 10.0), read_scrape(text(300, lag=50, above=4), 12.0)
    found = status_of("live", 0, now, before)
    assert (found.records_per_s, found.lag_ms) == (100.0, 500.0)
    assert found.latency_p50_ms == pytest.approx(150)
    assert status_of("live", 0, read_scrape(text(300), 14.0), now).lag_ms == 0
    still = status_of("live", 0, read_scrape(text(300, lag=9, above=4), 14.0), now)
    assert (still.records_per_s, still.lag_ms, still.latency_p99_ms) == (0.0, None, None)


def test_lines_by_symbol_are_not_parsed() -> None:
    """Two hundred thousand of them, as with quality metrics of 24,000 symbols, cost next to nothing."""
    line = b'tapeflow_quality_late_total{flow="live",partition="0",symbol="BTC/USDT"} 1.0\n'
    began_s = time.process_time()
    found = read_scrape(line * 200_000 + text(100), 1.0)
    assert time.process_time() - began_s < 1.0
    assert "tapeflow_quality_late_total" not in found.values
    assert found.total("tapeflow_records_read_total") == 100


@pytest.mark.parametrize("other", [b"", b"<html>", b"python_info 1.0\n", b"\xff\xfe", BUILD.replace(b"1.0", b"one")])
def test_what_is_no_metrics_of_a_flow_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match=r"no metrics|could not convert"):
        read_scrape(other, 0.0)


def test_what_a_flow_exports_is_what_is_read() -> None:
    """The names here are those that flows count under, whatever they are called in the flow."""
    with flow_of("live") as (served, counted):
        counted.read.labels("live", "0").inc(7)
        counted.rejects.labels("live", "no-symbol").inc(2)
        counted.bars_final.labels("live", "1m").inc(3)
        found = asyncio.run(look(f"live=http://127.0.0.1:{served.port}/metrics"))[0]
    assert (found.up, found.records_read, found.rejects, found.bars_final) == (True, 7, {"no-symbol": 2}, {"1m": 3})


@contextmanager
def flow_of(name: str) -> Iterator[tuple[MetricsServer, Counted]]:
    registry = CollectorRegistry()
    counted = Counted(name, registry)
    served = serve_metrics(free_port(), registry=registry)
    assert served is not None
    try:
        yield served, counted
    finally:
        served.close()


async def look(*targets: str) -> list[FlowStatus]:
    metrics = FlowMetrics(targets)
    try:
        return await metrics.read()
    finally:
        metrics.close()


class Broken(BaseHTTPRequestHandler):
    """Paths: /missing, /other, /drip, which sends a byte now and then."""

    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()
        if self.path == "/other":
            self.wfile.write(b"hello")
        while self.path == "/drip" and not self.over.wait(0.05):
            self.wfile.write(b" ")

    def log_message(self, *args: object) -> None:
        pass


def test_a_process_that_does_not_answer_is_told_in_a_word_and_without_its_address() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        flow_of("live") as (served, _),
        structlog.testing.capture_logs() as lines,
    ):
        targets = {
            f"live=http://127.0.0.1:{served.port}/metrics": "",
            f"live=http://127.0.0.1:{free_port()}/metrics": "not reachable",
            f"live=http://127.0.0.1:{silent.getsockname()[1]}/metrics": "no answer in time",
            "live=http://no-such-host.invalid:1/metrics": "not reachable",
            f"history={base}/missing": "not reachable",
            f"history={base}/other": "no metrics",
            f"history={base}/drip": "no answer in time",
        }
        began_s = time.monotonic()
        found = asyncio.run(look(*targets))
        assert time.monotonic() - began_s < SCRAPE_S + 1
    Broken.over.set()
    server.shutdown()
    server.server_close()
    assert [(each.flow, each.process) for each in found] == [("live", n) for n in range(4)] + [
        ("history", n) for n in range(3)
    ]
    assert [each.error for each in found] == list(targets.values())
    assert [each.up for each in found] == [True] + [False] * 6
    answer = msgspec.json.encode(FlowsAnswer(found))
    assert b"127.0.0.1" not in answer
    assert b"invalid" not in answer
    assert [each["event"] for each in lines].count("flow_changed") == 6


def test_it_is_asked_once_in_two_seconds_however_many_ask() -> None:
    with flow_of("live") as (served, counted):
        metrics = FlowMetrics([f"live=http://127.0.0.1:{served.port}/metrics"])

        async def story() -> None:
            first = await asyncio.gather(*(metrics.read() for _ in range(50)))
            counted.read.labels("live", "0").inc(5)
            assert all(each is first[0] for each in first)
            assert await metrics.read() is first[0]

        asyncio.run(story())
        metrics.close()


def test_without_targets_there_are_no_flows() -> None:
    operation = Flows(FlowMetrics(())).operations()[0]
    assert operation.public
    reply = asyncio.run(operation.handler(None))  # type: ignore[arg-type]  # it asks nothing of the call
    assert reply is not None
    assert json.loads(reply.body) == {"flows": []}
