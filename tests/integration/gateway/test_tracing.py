"""One trade, from `produce` to the message of a WebSocket client, and a REST request, as collectors see them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from websockets.sync.client import connect

from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway, verb
from tests.integration.gateway.rest_server import eventually
from tests.servers.jaeger import Jaeger, way_to
from tests.servers.kafka import make_topic
from tests.servers.otlp import Collector
from tests.servers.prometheus import PrometheusServer

SYMBOL = "BTC/USDT"
ROUTE = "/api/prices/{symbol}"
ASKED = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def way_of(topic: str) -> list[tuple[str, str]]:
    """Services and spans of one record's trace, the last first."""
    return [
        ("tapeflow-gateway-websocket", "fan out"),
        ("tapeflow-live", "write redis"),
        ("tapeflow-live", f"process {topic}"),
        ("tapeflow-produce", f"send {topic}"),
    ]


@contextmanager
def told(
    topic: str, bootstrap: str, redis_url: str, folder: Path, url: str, metrics_port: int = 0
) -> Iterator[GatewayCommand]:
    """A gateway with a client that was told a price, of trades of which 1 in 10 is traced; the flow still runs."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()  # what was published before would be newer
    traced: dict[str, Any] = {"trace_url": url, "trace_records": 10, "trace_one_in": 0, "trace_slow_ms": 60_000}
    settings = Settings(
        kafka_bootstrap=bootstrap,
        kafka_topic=make_topic(bootstrap, topic),
        redis_url=redis_url,
        recovery_dir=folder / "recovery",
        dead_letters_from="none",
        metrics_port=metrics_port,
        **traced,
    )
    with (folder / "live.log").open("ab") as file, running_gateway(folder, redis_url, **traced) as gateway:
        flow = FlowProcess("live", settings, log=file)
        flow.start()
        try:
            with connect(f"{gateway.websocket}/ws/prices", additional_headers={"traceparent": ASKED}) as client:
                client.send(json.dumps({"type": "subscribe", "symbols": [SYMBOL]}))
                made = verb(settings, "produce", "--synthetic", "--symbols", "1", "--trades", "25")
                assert made.returncode == 0, made.stderr
                while '"price"' not in client.recv(60):
                    pass
                yield gateway
            assert flow.stop(30) == 0
        finally:
            flow.kill()


@pytest.mark.thorough
def test_one_trace_leads_from_the_producer_to_the_client(
    kafka_bootstrap: str, redis_url: str, collector: Collector, tmp_path: Path
) -> None:
    with told("traced", kafka_bootstrap, redis_url, tmp_path, collector.url) as gateway:
        collector.until(lambda: collector.named("fan out"))
        request = urllib.request.Request(f"{gateway.rest}/api/prices/NOPE", headers={"traceparent": ASKED})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        answer = json.load(refused.value)
    sent = collector.named("send traced")
    assert len(sent) == 2
    (fan_out, *_) = collector.named("fan out")
    assert fan_out.trace in {each.trace for each in sent}, "asking for the producer's trace shows the gateway"
    assert fan_out.attributes["tapeflow.clients"] == 1
    way = {each.span: each for each in collector.spans if each.trace == fan_out.trace}
    passed = [fan_out]
    while passed[-1].parent:
        passed.append(way[passed[-1].parent])
    assert [(each.service, each.name) for each in passed] == way_of("traced")
    assert {each.name for each in way.values()} >= {"poll", "decode", "apply", "wait", "encode", "call"}
    (rest,) = collector.named(f"GET {ROUTE}")
    assert rest.traceparent[3:35] == ASKED[3:35]
    assert rest.attributes["tapeflow.request_id"] == answer["requestId"]
    assert (rest.attributes["http.response.status_code"], rest.failed) == (503, True), "nobody runs ClickHouse"
    (session,) = collector.named("session /ws/prices")
    assert session.parent == ASKED[36:52]


@pytest.mark.thorough
def test_jaeger_shows_the_gateway_in_the_trace_of_the_producer(
    kafka_bootstrap: str, redis_url: str, jaeger: Jaeger, tmp_path: Path
) -> None:
    def shown() -> list[list[tuple[str, str]]]:
        """The way to each `fan out`, the last span first."""
        traces = jaeger.traces("tapeflow-produce")
        ways = [way_to(last, spans) for spans in traces for last in spans if last.name == "fan out"]
        return [[(each.service, each.name) for each in reversed(way)] for way in ways]

    with told("shown", kafka_bootstrap, redis_url, tmp_path, jaeger.url):
        eventually(lambda: way_of("shown") in shown())


@pytest.mark.thorough
def test_the_histogram_of_latency_leads_to_a_trace(
    kafka_bootstrap: str, redis_url: str, collector: Collector, tmp_path: Path
) -> None:
    port, began_s = free_port(), time.time()
    jobs = [{"job_name": "flows", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]
    scrape = yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs})
    with (
        PrometheusServer(tmp_path / "prometheus", scrape, "--enable-feature=exemplar-storage") as prometheus,
        told("exemplary", kafka_bootstrap, redis_url, tmp_path, collector.url, port),
    ):

        def examples() -> list[Any]:
            query, end = "tapeflow_latency_ms_bucket", str(time.time() + 1)
            found = prometheus.ask("query_exemplars", query=query, start=str(began_s), end=end)
            return [each for series in found for each in series["exemplars"]]

        eventually(examples)
        named = {each["labels"]["trace_id"] for each in examples()}
        assert named
        collector.until(lambda: named <= {each.trace for each in collector.named("send exemplary")})
