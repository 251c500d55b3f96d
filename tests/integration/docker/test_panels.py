"""The dashboard over a running system: the demo and an ingester, scraped by a real Prometheus, asked as Grafana asks.

Every query of every panel must give figures, those too that count what a healthy system doesn't do: they are 0. It runs
for half a minute; ``PANELS_S=300`` takes five.
"""

import io
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

import demo.run
from demo.tape import DemoPlan
from local.ports import free_port, free_ports
from runtime.settings.whole import Settings
from tests.integration.jobs.ingest.followed_venue import FollowedVenue
from tests.servers.otlp import Collector
from tests.servers.prometheus import PrometheusServer

DOCKER = Path(__file__).parents[3] / "docker"
FLOWS = ("live", "history", "analytics", "alerts", "quotes")
RUN_S = float(os.environ.get("PANELS_S", "30"))
SCRAPE_S = 1
SYMBOLS = ("BTC/USDT", "ETH/USDT")


def configuration(ports: dict[str, int]) -> str:
    """That of Compose, with the ports of this machine for the names of its services."""
    found = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text("utf-8"))
    found["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    found["rule_files"] = [str(DOCKER / "prometheus" / "alerts.yml")]
    for job in found["scrape_configs"]:
        names = [name for each in job.pop("static_configs", ()) for target in each["targets"] for name in [target]]
        names += [name for each in job.pop("dns_sd_configs", ()) for name in each["names"]]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[name.split(':')[0]]}" for name in names]}]
    return yaml.safe_dump(found)


@pytest.mark.thorough
def test_every_panel_shows_figures_of_a_running_system(
    kafka_bootstrap: str, collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = dict(zip(FLOWS, free_ports(len(FLOWS)), strict=True)) | {"gateway": free_port(), "ingest": free_port()}
    monkeypatch.setattr(demo.run, "free_ports", lambda count: [ports[name] for name in FLOWS[:count]])
    settings = Settings(data_dir=tmp_path / "data", gateway_port=ports["gateway"], trace_url=collector.url)
    plan = DemoPlan(seconds=RUN_S, rate=500, symbols=20, prove_max=1, has_quotes=True)
    began_s = time.time()
    with PrometheusServer(tmp_path / "prometheus", configuration(ports)) as prometheus:
        venue = FollowedVenue(
            kafka_bootstrap, tmp_path, "bitget", SYMBOLS, port=ports["ingest"], ago_s=60, has_quotes=True
        )
        try:
            demo.run.run_demo(plan, settings, Console(file=io.StringIO()))
        finally:
            venue.end()
        assert {rule["health"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]} == {"ok"}
        panels = json.loads((DOCKER / "grafana" / "tapeflow.json").read_text("utf-8"))["panels"]
        asked = [target["expr"] for panel in panels for target in panel["targets"]]
        silent = {query for query in asked if not figures(prometheus, query, began_s)}
    assert silent == set()


def figures(prometheus: PrometheusServer, query: str, began_s: float) -> list[float]:
    """What a panel would draw; raises HTTPError where the query isn't one."""
    # As Grafana has it: four scrapes.
    query = re.sub(r"\$__rate_interval\b", f"{4 * SCRAPE_S}s", query)
    found: dict[str, Any] = prometheus.ask(
        "query_range", query=query, start=str(began_s), end=str(time.time()), step=f"{SCRAPE_S}s"
    )
    values = [float(text) for series in found["result"] for _, text in series["values"]]
    return [value for value in values if value == value]  # noqa: PLR0124 - not NaN, which nobody sees
