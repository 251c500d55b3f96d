"""Compose, Helm, Prometheus and Grafana files against the project: versions, verbs, settings and metrics that exist.

No Docker or Helm is needed: files are read as they are, which catches what a person mistypes. What the chart becomes is
tried by a real helm (tests/integration/docker/test_chart.py).
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runtime.settings.whole import Settings
from tapeflow.commands.run import FlowName

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
CHART = DOCKER / "helm" / "tapeflow"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("tapeflow")}


def templates() -> list[Path]:
    return sorted((CHART / "templates").glob("*.yaml"))


def expressions() -> Iterator[str]:
    for panel in json.loads((DOCKER / "grafana" / "tapeflow.json").read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for group in yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def test_every_image_has_an_exact_version() -> None:
    for name, service in COMPOSE["services"].items():
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?", service["image"]), name


def test_our_images_are_of_this_version() -> None:
    assert {service["image"] for service in OURS.values()} == {f"tapeflow:{VERSION}"}
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert f'image.version="{VERSION}"' in (DOCKER / "Dockerfile").read_text("utf-8")


def test_the_license_is_said_alike_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    license_text, dockerfile = (ROOT / "LICENSE").read_text("utf-8"), (DOCKER / "Dockerfile").read_text("utf-8")
    author = project["authors"][0]["name"]
    assert re.search(rf"Copyright \d{{4}} {author}$", license_text, re.MULTILINE)
    assert project["license"] == "Apache-2.0"
    assert " ".join(license_text.split()).startswith(
        "Apache License Version 2.0, January 2004 https://www.apache.org/licenses/ TERMS"
    )
    assert f'image.licenses="{project["license"]}"' in dockerfile
    assert f'image.vendor="{author}"' in dockerfile
    assert {*project["license-files"], project["readme"]} <= set(
        re.findall(r"^COPY pyproject.toml (.*) \./$", dockerfile, re.MULTILINE)[0].split()
    )


def test_the_python_of_the_image_is_one_that_we_support() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert wanted.startswith(">=3.11")
    assert set(re.findall(r"^FROM python:(\S+)", (DOCKER / "Dockerfile").read_text("utf-8"), re.MULTILINE)) == {
        "3.11-slim"
    }


def test_the_image_copies_every_package() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    copied = re.findall(r"^COPY (\w+) \w+$", (DOCKER / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(copied) == {package.split(".")[0] for package in packages}


def test_services_run_verbs_that_exist() -> None:
    arguments = [service["command"] for service in OURS.values()]
    for path in templates():
        arguments += [
            line.split("[")[1].rstrip("]").split(", ") for line in path.read_text().splitlines() if "args:" in line
        ]
    for words in arguments:
        assert (ROOT / "tapeflow" / "commands" / f"{words[0]}.py").is_file(), words
        if words[0] == "run" and "{" not in words[1]:
            assert (ROOT / "flows" / f"{words[1]}.py").is_file(), words


def test_settings_are_spelled_as_they_are() -> None:
    known = {f"TAPEFLOW_{name.upper()}" for name in Settings.model_fields} | {"TAPEFLOW_CONFIG"}
    for path in [DOCKER / "compose.yaml", DOCKER / "Dockerfile", *templates()]:
        assert set(re.findall(r"TAPEFLOW_[A-Z_]*[A-Z]", path.read_text("utf-8"))) <= known, path
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert set(values["settings"]) <= set(Settings.model_fields)


def test_a_gateway_that_others_shall_reach_asks_for_its_key() -> None:
    """Without a key it listens on loopback, and behind a container's wall nobody would reach it."""
    key = COMPOSE["services"]["gateway"]["environment"]["TAPEFLOW_GATEWAY_TOKEN_SECRET"]
    assert re.fullmatch(r"\$\{GATEWAY_TOKEN_SECRET:\?.*openssl rand -hex 32\}", key)
    enabled, _, guarded = (
        (CHART / "templates" / "gateway.yaml").read_text("utf-8").partition("kind: Deployment")[0].partition("not (or")
    )
    assert "gateway.enabled" in enabled
    assert re.match(r' \.Values\.secretName \(include "tapeflow.gatewayKey" \.\)\) \}\}\n\{\{- fail ".*SECRET', guarded)
    named = set(re.findall(r'"(gateway_\w+)"', (CHART / "templates" / "_names.tpl").read_text("utf-8")))
    assert named == {"gateway_token_secret", "gateway_token_public_key", "gateway_jwks_url"} & set(
        Settings.model_fields
    )


def test_services_wait_for_what_they_need() -> None:
    for name, service in COMPOSE["services"].items():
        needed = service.get("depends_on", {})
        for other, condition in needed.items() if isinstance(needed, dict) else ():
            assert other in COMPOSE["services"], name
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][other], other
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DOCKER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_the_ports_that_prometheus_scrapes_are_served() -> None:
    scraped = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    targets = [target for job in scraped for each in job.get("static_configs", ()) for target in each["targets"]]
    found = [each for job in scraped for each in job.get("dns_sd_configs", ())]
    targets += [f"{name}:{each['port']}" for each in found for name in each["names"]]
    for target in targets:
        service, port = target.split(":")
        served = str(COMPOSE["services"][service])
        assert port in served, target


def test_every_worker_of_compose_is_scraped() -> None:
    scraped = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (flows,) = [job for job in scraped if job["job_name"] == "flows"]
    wanted = set()
    for name, service in OURS.items():
        words = [str(word) for word in service["command"]]
        if words[0] == "run":
            processes = int(words[words.index("--processes") + 1]) if "--processes" in words else 1
            port = int(service["environment"]["TAPEFLOW_METRICS_PORT"])
            wanted |= {f"{name}:{port + process}" for process in range(processes)}
    assert set(flows["static_configs"][0]["targets"]) == wanted


def test_the_chart_knows_every_flow_and_those_beside_bars_can_be_left_out() -> None:
    names = (CHART / "templates" / "_names.tpl").read_text("utf-8")
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    always = re.search(r'define "tapeflow.flows" -\}\}\n(.*)\n', names)
    optional = re.search(r'range \$flow := list ((?:"\w+" ?)+)\}\}\n\{\{- if \(index \$.Values \$flow\).enabled', names)
    assert always
    assert optional
    chosen = re.findall(r'"(\w+)"', optional[1])
    assert {*always[1].split(), *chosen} == set(FlowName)
    assert {str(service["command"][1]) for service in OURS.values() if service["command"][0] == "run"} == set(FlowName)
    for name in (*always[1].split(), *chosen):
        assert {"replicas", "processes", "storage", "resources"} <= set(values[name])
        assert ("enabled" in values[name]) == (name in chosen)


def test_helm_templates_use_values_that_exist() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for path in sorted((CHART / "templates").iterdir()):
        for dotted in re.findall(r"\.Values\.([A-Za-z.]+)", path.read_text("utf-8")):
            inside: Any = values
            for part in dotted.split("."):
                assert part in inside, f"{path.name}: {dotted}"
                inside = inside[part]


def test_dashboards_and_alerts_use_metrics_that_exist() -> None:
    known = set(re.findall(r"^\| `(tapeflow_\w+)`", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.MULTILINE))
    for expression in expressions():
        for name in re.findall(r"tapeflow_\w+", expression):
            assert re.sub(r"_(total|bucket|sum|count|info)$", "", name) in known, expression


def test_every_alert_is_a_row_of_what_to_watch() -> None:
    table = (ROOT / "docs" / "operating.md").read_text("utf-8").partition("## What to watch")[2].partition("\n## ")[0]
    signs = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    groups = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    assert {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} == set(
        re.findall(r"\b[A-Z][a-z]+[A-Z]\w+", signs)
    )


def test_every_alert_says_where_to_read_on() -> None:
    groups = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in [rule for group in groups for rule in group["rules"] if "alert" in rule]:
        page, _, place = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^##+ (.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert place in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, rule["alert"]
