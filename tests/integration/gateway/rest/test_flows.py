"""A real live flow as ``/health/flows`` shows it: running, and after it was killed."""

from pathlib import Path

import pytest

from local.ports import free_port
from processes.runner import FlowProcess
from runtime.settings.whole import load_settings
from tests.integration.flows.market_feeding import environment, feed, tape
from tests.integration.gateway.rest_server import RestServer, eventually


def test_a_running_flow_and_a_dead_one(
    kafka_bootstrap: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(kafka_bootstrap, "clickhouse://127.0.0.1:1", "none", tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(metrics_port=free_port(), redis_url=redis_url.rpartition("/")[0] + "/9")
    trades = tape(3_000, 30)
    feed(settings, trades)
    targets = (
        f"live=http://127.0.0.1:{settings.metrics_port}/metrics",
        f"history=http://127.0.0.1:{free_port()}/metrics",
    )
    log = tmp_path / "live.log"
    with log.open("ab") as file, RestServer(tmp_path, redis_url=redis_url, gateway_flows=targets) as rest:

        def flows() -> list[dict]:
            answer = rest.get("/health/flows", token="")
            assert answer.status == 200
            assert b"127.0.0.1" not in answer.body
            return answer.json()["flows"]

        assert [each["up"] for each in flows()] == [False, False]
        flow = FlowProcess("live", settings, log=file)
        flow.start()
        try:
            eventually(lambda: flow.poll() is None and flows()[0]["recordsRead"] == len(trades), 180)
            live = eventually(lambda: (found := flows()[0])["recordsPerS"] is not None and found, 30)
            history = flows()[1]
        finally:
            flow.kill()
        assert (history["flow"], history["up"], history["error"]) == ("history", False, "not reachable")
        assert (live["flow"], live["process"], live["up"], live["error"]) == ("live", 0, True, "")
        assert live["applied"] + live["duplicate"] + live["late"] + live["rejected"] == len(trades)
        assert (live["lagRecords"], live["lagMs"], live["serversDown"]) == (0, 0, [])
        assert live["barsFinal"]["1m"] > 0
        assert sum(worker["source"] for worker in live["workers"]) > 0
        assert live["startTime"] > 1_700_000_000_000
        gone = eventually(lambda: not (found := flows()[0])["up"] and found, 30)
        assert (gone["error"], gone["recordsRead"]) == ("not reachable", 0)
