"""A run of several processes: limits, settings, metrics added up."""

import pytest
from prometheus_client import CollectorRegistry, Counter

from processes.runner import FlowProcess, worker_environment
from runtime.metrics import serve_metrics
from runtime.settings.whole import load_settings
from schemas.errors import SettingError
from tests.chaos.world import free_ports_in_a_row


def test_no_process_and_too_many_are_refused() -> None:
    for count in (0, 65):
        with pytest.raises(SettingError, match="1 to 64"):
            FlowProcess("live", load_settings(), count)


def test_addresses_and_processes_exclude_each_other() -> None:
    with pytest.raises(SettingError, match="exclude each other"):
        FlowProcess("live", load_settings(cluster_addresses="a-0:2101,a-1:2101"), 2)


def test_workers_get_the_settings_and_nothing_else_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEFLOW_KAFKA_TOPIC", "another")
    environment = worker_environment(load_settings(kafka_topic="trades-2"))
    assert environment["TAPEFLOW_KAFKA_TOPIC"] == "trades-2"
    assert "PATH" in environment


def test_metrics_of_all_processes_are_added_up() -> None:
    port, servers = free_ports_in_a_row(2), []
    for process in (0, 1):
        registry = CollectorRegistry()
        Counter("tapeflow_example", "An example", ["kind"], registry=registry).labels("a").inc(process + 1)
        servers.append(serve_metrics(port, process, "127.0.0.1", registry))
    try:
        samples = FlowProcess("live", load_settings(metrics_port=port), 3).metrics()
    finally:
        for server in servers:
            assert server is not None
            server.close()
    assert samples["tapeflow_example_total", (("kind", "a"),)] == 3
