"""What an operator sees while a server is away: lag that grows, a metric with its name, a line within ten seconds."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.ports import free_port
from processes.runner import FlowProcess, Samples
from runtime.outage import STALL_S
from runtime.settings.whole import load_settings
from tapeflow.cli import main
from tests.integration.flows.market_feeding import DEADLINE_S, environment, feed, tape
from tests.servers.clickhouse import ClickHouseServer

pytestmark = pytest.mark.thorough

LINE_WITHIN_S = STALL_S + 5


def lag(samples: Samples) -> float:
    return sum(value for (name, _), value in samples.items() if name == "tapeflow_lag_records")


def down(samples: Samples) -> dict[str, float]:
    return {
        dict(labels)["server"]: value for (name, labels), value in samples.items() if name == "tapeflow_server_down"
    }


def test_a_stalled_clickhouse_is_named_and_the_lag_grows(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ClickHouseServer(tmp_path / "server") as server:
        names = environment(kafka_bootstrap, server.dsn, "signs", tmp_path) | {
            # A client whose queue is full asks no more: here it is full after a moment.
            "TAPEFLOW_KAFKA_PROPERTIES": json.dumps({"queued.min.messages": 500, "queued.max.messages.kbytes": 64}),
        }
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        assert main(["migrate"]) == 0
        settings = load_settings(metrics_port=free_port(), insert_rows_max=1000, batch_records_max=1000)
        trades = tape(40_000, 60)
        feed(settings, trades[:2_000])
        log = tmp_path / "history.log"
        moment = threading.Event()
        with log.open("ab") as file:
            flow = FlowProcess("history", settings, log=file)
            flow.start()

            def until(condition: Callable[[Samples], bool], within_s: float = DEADLINE_S) -> None:
                deadline = time.monotonic() + within_s
                while not condition(flow.metrics()):
                    assert flow.poll() is None, log.read_text()
                    assert time.monotonic() < deadline, log.read_text()
                    moment.wait(0.2)

            def has_read(samples: Samples) -> bool:
                return sum(v for (name, _), v in samples.items() if name == "tapeflow_records_read_total") >= 2_000

            try:
                until(has_read)
                assert set(down(flow.metrics())) == {"kafka", "clickhouse"}
                assert not any(down(flow.metrics()).values())
                server.pause()
                began = time.monotonic()
                feed(settings, trades[2_000:20_000])
                until(lambda samples: lag(samples) > 10_000)
                before = lag(flow.metrics())
                feed(settings, trades[20_000:])
                until(lambda samples: lag(samples) >= before + 20_000)
                until(lambda samples: down(samples) == {"kafka": 0, "clickhouse": 1})
                until(lambda _: "server_awaited" in log.read_text())
                assert time.monotonic() - began < LINE_WITHIN_S
                said = [json.loads(line) for line in log.read_text().splitlines() if "server_awaited" in line]
                assert {line["server"] for line in said} == {"clickhouse"}
                assert "doesn't answer" in said[0]["error"]
                server.resume()
                until(lambda samples: not lag(samples) and not any(down(samples).values()))
                assert "server_returned" in log.read_text()
                assert flow.stop(30) == 0
            finally:
                flow.kill()
