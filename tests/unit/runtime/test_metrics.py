"""The metrics endpoint: on when asked for, one port per process, a line when the port is taken."""

import socket
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from runtime.metrics import serve_metrics
from schemas.errors import SettingError


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_port_zero_is_off() -> None:
    assert serve_metrics(0) is None


def test_metrics_are_served_on_the_port_of_the_process() -> None:
    registry = CollectorRegistry()
    Counter("tapeflow_example", "An example", registry=registry).inc(3)
    port = free_port()
    server = serve_metrics(port - 1, process=1, address="127.0.0.1", registry=registry)
    assert server is not None
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        server.close()
    assert "tapeflow_example_total 3.0" in text
    assert "tapeflow_build_info{" in text


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with pytest.raises(SettingError, match=f"can't serve metrics: .*TAPEFLOW_METRICS_PORT={port}"):
            serve_metrics(port, address="127.0.0.1", registry=CollectorRegistry())


def test_an_address_of_no_interface_is_one_line() -> None:
    with pytest.raises(SettingError, match="TAPEFLOW_METRICS_HOST"):
        serve_metrics(free_port(), address="203.0.113.1", registry=CollectorRegistry())
