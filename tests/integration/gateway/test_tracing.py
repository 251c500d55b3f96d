"""One trade, from `produce` to the message of a WebSocket client, and a REST request, as a collector sees them."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from processes.runner import FlowProcess
from runtime.settings.whole import load_settings
from tests.integration.gateway.gateway_command import running_gateway, verb
from tests.servers.kafka import make_topic
from tests.servers.otlp import Collector

SYMBOL = "BTC/USDT"
ROUTE = "/api/prices/{symbol:path}"
ASKED = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


@pytest.mark.thorough
def test_one_trace_leads_from_the_producer_to_the_client(
    kafka_bootstrap: str, redis_url: str, collector: Collector, tmp_path: Path
) -> None:
    traced: dict[str, Any] = {
        "trace_url": collector.url,
        "trace_records": 10,
        "trace_one_in": 0,
        "trace_slow_ms": 60_000,
    }
    settings = load_settings(
        kafka_bootstrap=kafka_bootstrap,
        kafka_topic=make_topic(kafka_bootstrap, "traced-trades"),
        redis_url=redis_url,
        recovery_dir=tmp_path / "recovery",
        dead_letters_from="none",
        **traced,
    )
    log = tmp_path / "live.log"
    with log.open("ab") as file, running_gateway(tmp_path, redis_url, **traced) as gateway:
        flow = FlowProcess("live", settings, log=file)
        flow.start()
        try:
            with connect(f"{gateway.websocket}/ws/prices", additional_headers={"traceparent": ASKED}) as client:
                client.send(json.dumps({"type": "subscribe", "symbols": [SYMBOL]}))
                made = verb(settings, "produce", "--synthetic", "--symbols", "1", "--trades", "25")
                assert made.returncode == 0, made.stderr
                while SYMBOL not in (message := client.recv(60)) or '"price"' not in message:
                    pass
                collector.until(lambda: collector.named("fan out"))
            request = urllib.request.Request(f"{gateway.rest}/api/prices/NOPE", headers={"traceparent": ASKED})
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            answer = json.load(refused.value)
            assert flow.stop(30) == 0
        finally:
            flow.kill()
        collector.until(lambda: collector.named("session /ws/prices"))
        collector.until(lambda: collector.named(f"GET {ROUTE}"))
    sent = collector.named(f"send {settings.kafka_topic}")
    assert len(sent) == 2
    ids = {each.trace: each for each in sent}
    (fan_out, *_) = collector.named("fan out")
    assert fan_out.trace in ids, "asking for the producer's trace shows the gateway"
    way = {each.span: each for each in collector.spans if each.trace == fan_out.trace}
    named, at = [], fan_out
    while True:
        named.append((at.service, at.name))
        if not at.parent:
            break
        at = way[at.parent]
    topic = settings.kafka_topic
    assert named == [
        ("tapeflow-gateway-websocket", "fan out"),
        ("tapeflow-live", "write redis"),
        ("tapeflow-live", f"process {topic}"),
        ("tapeflow-produce", f"send {topic}"),
    ]
    assert {each.name for each in way.values()} >= {"poll", "decode", "apply"}
    assert fan_out.attributes["tapeflow.clients"] == 1
    (rest,) = collector.named(f"GET {ROUTE}")
    assert rest.traceparent[3:35] == ASKED[3:35]
    assert rest.attributes["tapeflow.request_id"] == answer["requestId"]
    assert (rest.attributes["http.response.status_code"], rest.failed) == (503, True), "nobody runs ClickHouse"
    (session,) = collector.named("session /ws/prices")
    assert session.parent == ASKED[36:52]
