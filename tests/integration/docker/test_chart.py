"""The chart, rendered by a real helm for clusters of several kinds and held against the schemas of Kubernetes.

Custom resources of the Prometheus Operator have no schema there; what they must say is compared with what they are of.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from runtime.settings.whole import Settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "docker" / "helm" / "tapeflow"
ALERTS = ROOT / "docker" / "prometheus" / "alerts.yml"
KUBERNETES = "1.37"
OPERATOR = ("PodMonitor", "PrometheusRule")
CA = {"name": "ca", "configMap": {"name": "company-ca"}}
EVERYBODY_ELSE = {"ipBlock": {"cidr": "10.0.0.0/8"}}
VALUES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "several workers in a pod": {"live": {"processes": 4}, "podMonitor": {"enabled": True}},
    "a process on each of three hosts": {"history": {"replicas": 3}, "podMonitor": {"enabled": True}},
    "every flow": {
        "analytics": {"enabled": True}, "quotes": {"enabled": True}, "settings": {"quote_intervals": ["1m", "1h"]},
    },
    "flows alone": {"gateway": {"enabled": False}, "alerts": {"enabled": False}, "secretName": ""},
    "encrypted everywhere": {
        "gateway": {
            "tlsSecretName": "gateway-tls",
            "ingress": {"enabled": True, "host": "md.example.com", "tlsSecretName": "md", "className": "nginx"},
        },
        "volumes": [CA], "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
        "env": [{"name": "SSL_CERT_DIR", "value": "/etc/ca"}],
        "settings": {"kafka_properties": {"security.protocol": "SSL", "ssl.ca.location": "/etc/ca/ca.pem"}},
    },
    "watched by an operator": {
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "walled in": {
        "networkPolicy": {
            "enabled": True, "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "egress": [{"to": [EVERYBODY_ELSE]}],
        },
        "live": {"processes": 2}, "history": {"replicas": 2},
    },
    "growing with its clients": {
        "gateway": {"autoscaling": {"enabled": True, "clientsPerPod": 2000}},
        "nodeSelector": {"kubernetes.io/arch": "arm64"}, "imagePullSecrets": [{"name": "registry"}],
        "tolerations": [{"key": "market-data", "operator": "Exists"}],
    },
}  # fmt: skip


class Chart:
    """Renders it; ``values`` beside the chart's own."""

    def __init__(self, helm: str) -> None:
        self._helm = helm
        self.rendered = cache(self._rendered)

    def run(self, *words: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        given = json.dumps(values or {})
        command = [self._helm, *words, "--values", "-"]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    def documents(self, name: str, **more: Any) -> list[dict[str, Any]]:
        return self.rendered(json.dumps({"secretName": "keys", **VALUES[name], **more}))

    def _rendered(self, values: str) -> list[dict[str, Any]]:
        done = self.run("template", "tapeflow", str(CHART), values=json.loads(values))
        assert done.returncode == 0, done.stderr
        return [each for each in yaml.safe_load_all(done.stdout) if each]


@pytest.fixture(scope="module")
def chart(helm: str) -> Chart:
    return Chart(helm)


def pods(documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in documents:
        if "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def named(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


def test_helm_finds_no_fault(chart: Chart) -> None:
    done = chart.run("lint", str(CHART), "--strict", values={"secretName": "keys"})
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VALUES)
def test_kubernetes_takes_it(chart: Chart, name: str) -> None:
    documents = chart.documents(name)
    names = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(set(names)) == len(names) >= 6
    for document in documents:
        if document["kind"] not in OPERATOR:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", VALUES)
def test_pods_pass_the_restricted_standard_and_write_only_what_is_mounted(chart: Chart, name: str) -> None:
    found = dict(pods(chart.documents(name)))
    assert found
    for pod, spec in found.items():
        security = spec["securityContext"]
        assert (security["runAsNonRoot"], security["seccompProfile"]) == (True, {"type": "RuntimeDefault"}), pod
        assert (spec["enableServiceLinks"], spec["automountServiceAccountToken"]) == (False, False), pod
        volumes = {each["name"] for each in spec["volumes"]} | {"state"}
        for container in [*spec["initContainers"], *spec["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, pod
            assert {each["name"] for each in container["volumeMounts"]} <= volumes, pod
        mounts = {each["mountPath"] for container in spec["containers"] for each in container["volumeMounts"]}
        assert {"/tmp", "/var/cache/tapeflow"} <= mounts, pod


def test_a_pod_starts_lives_and_is_ready_by_questions_of_its_own(chart: Chart) -> None:
    for pod, spec in pods(chart.documents("every flow")):
        (container,) = spec["containers"]
        if pod.endswith("migrate"):
            continue
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), pod
        patience_s = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
        assert patience_s >= (120 if pod.endswith("gateway") else 600), pod


def test_a_changed_setting_makes_new_pods(chart: Chart) -> None:
    def checksums(**settings: object) -> set[str]:
        documents = chart.documents("as it comes", settings=settings)
        made = [each["spec"]["template"]["metadata"] for each in documents if "template" in each.get("spec", {})]
        return {each["annotations"]["checksum/config"] for each in made if "annotations" in each}

    (before,), (after,) = checksums(lateness_ms=1), checksums(lateness_ms=2)
    assert before != after


def test_settings_become_texts_that_settings_read(chart: Chart) -> None:
    given = {
        "lateness_ms": 3_600_000, "quote_intervals": ["1m", "1h"], "finals_kept_by_interval": None,
        "kafka_properties": {"fetch.max.bytes": 1_000_000}, "Log_Level": "debug",
    }  # fmt: skip
    data = named(chart.documents("as it comes", settings=given), "ConfigMap", "tapeflow-settings")["data"]
    assert (data["TAPEFLOW_LATENESS_MS"], data["TAPEFLOW_QUOTE_INTERVALS"]) == ("3600000", "1m,1h")
    assert (json.loads(data["TAPEFLOW_KAFKA_PROPERTIES"]), data["TAPEFLOW_LOG_LEVEL"]) == (
        {"fetch.max.bytes": 1_000_000},
        "debug",
    )


@pytest.mark.parametrize("name", VALUES)
def test_its_own_settings_exist(chart: Chart, name: str) -> None:
    documents = chart.documents(name)
    known = {f"TAPEFLOW_{field.upper()}" for field in Settings.model_fields}
    used = set(named(documents, "ConfigMap", "tapeflow-settings")["data"])
    for _, spec in pods(documents):
        for container in spec["containers"]:
            used |= {each["name"] for each in container.get("env", ()) if each["name"].startswith("TAPEFLOW_")}
    assert used <= known


def test_every_worker_has_a_port_that_is_scraped_and_that_the_gateway_knows(chart: Chart) -> None:
    documents = chart.documents("several workers in a pod")
    (container,) = dict(pods(documents))["tapeflow-live"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert [ports[name] for name in ("metrics", "metrics-1", "metrics-2", "metrics-3")] == [9101, 9102, 9103, 9104]
    scraped = named(documents, "PodMonitor", "tapeflow-live")["spec"]["podMetricsEndpoints"]
    assert [each["port"] for each in scraped] == ["metrics", "metrics-1", "metrics-2", "metrics-3"]
    (gateway,) = dict(pods(documents))["tapeflow-gateway"]["containers"]
    asked = variables(gateway)["TAPEFLOW_GATEWAY_FLOWS"]
    assert all(f"live=http://tapeflow-live-0.tapeflow-live:{port}/metrics" in asked for port in range(9101, 9105))


def test_processes_on_several_hosts_know_each_other_and_stop_together(chart: Chart) -> None:
    documents = chart.documents("a process on each of three hosts")
    history = named(documents, "StatefulSet", "tapeflow-history")["spec"]
    assert (history["podManagementPolicy"], history["updateStrategy"]["type"]) == ("Parallel", "OnDelete")
    (container,) = history["template"]["spec"]["containers"]
    addresses = variables(container)["TAPEFLOW_CLUSTER_ADDRESSES"].split(",")
    assert addresses == [f"tapeflow-history-{pod}.tapeflow-history:2101" for pod in range(3)]
    assert container["args"] == ["run", "history", "--processes", "1"]


def test_what_others_mount_reaches_every_pod(chart: Chart) -> None:
    documents = chart.documents("encrypted everywhere")
    for pod, spec in pods(documents):
        (container,) = spec["containers"]
        assert CA in spec["volumes"], pod
        assert variables(container)["SSL_CERT_DIR"] == "/etc/ca", pod
    (gateway,) = dict(pods(documents))["tapeflow-gateway"]["containers"]
    assert variables(gateway)["TAPEFLOW_GATEWAY_TLS_KEY"] == "/etc/tapeflow/tls/tls.key"
    assert {gateway[f"{kind}Probe"]["httpGet"]["scheme"] for kind in ("startup", "liveness", "readiness")} == {"HTTPS"}
    ingress = named(documents, "Ingress", "tapeflow-gateway")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "3600"
    assert ingress["spec"]["rules"][0]["host"] == "md.example.com"


def test_the_operator_gets_the_alerts_that_are_tested(chart: Chart) -> None:
    documents = chart.documents("watched by an operator")
    rule = named(documents, "PrometheusRule", "tapeflow")
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text("utf-8"))
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    monitors = [each for each in documents if each["kind"] == "PodMonitor"]
    jobs = {
        relabeling["replacement"]
        for each in monitors
        for endpoint in each["spec"]["podMetricsEndpoints"]
        for relabeling in endpoint["relabelings"]
    }
    assert jobs == {"flows", "gateway"}, "alerts know the jobs by these names"
    assert {each["metadata"]["labels"]["release"] for each in monitors} == {"prometheus"}


def test_walls_admit_a_flows_own_processes_and_who_reads_metrics(chart: Chart) -> None:
    documents = chart.documents("walled in")
    live = named(documents, "NetworkPolicy", "tapeflow-live")["spec"]
    cluster, metrics = live["ingress"]
    assert cluster["from"] == [{"podSelector": {"matchLabels": live["podSelector"]["matchLabels"]}}]
    assert ([each["port"] for each in cluster["ports"]], [each["port"] for each in metrics["ports"]]) == (
        [2101],
        [9101, 9102],
    )
    readers = [each["podSelector"]["matchLabels"] for each in metrics["from"] if "podSelector" in each]
    assert readers == [{"app.kubernetes.io/instance": "tapeflow", "app.kubernetes.io/component": "gateway"}]
    assert {"to": [EVERYBODY_ELSE]} in live["egress"]
    open_to_all = named(documents, "NetworkPolicy", "tapeflow-gateway")["spec"]["ingress"]
    assert open_to_all == [{"ports": [{"port": 8080}]}]
    named_flows = {each["metadata"]["name"] for each in documents if each["kind"] == "StatefulSet"}
    walled = {each["metadata"]["name"] for each in documents if each["kind"] == "NetworkPolicy"}
    assert walled == {*named_flows, "tapeflow-gateway"}


def test_gateways_grow_with_their_clients_and_go_one_by_one(chart: Chart) -> None:
    documents = chart.documents("growing with its clients")
    scaler = named(documents, "HorizontalPodAutoscaler", "tapeflow-gateway")["spec"]
    assert scaler["metrics"][0]["pods"]["metric"] == {"name": "tapeflow_ws_clients"}
    assert scaler["metrics"][0]["pods"]["target"]["averageValue"] == "2000"
    assert "replicas" not in named(documents, "Deployment", "tapeflow-gateway")["spec"]
    assert named(documents, "PodDisruptionBudget", "tapeflow-gateway")["spec"]["maxUnavailable"] == 1
    for pod, spec in pods(documents):
        assert spec["nodeSelector"] == {"kubernetes.io/arch": "arm64"}, pod
        assert spec["imagePullSecrets"] == [{"name": "registry"}], pod


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "the gateway needs a key"),
        ({"secretName": "keys", "live": {"replica": 3}}, "replica"),
        ({"secretName": "keys", "live": {"processes": "four"}}, "processes"),
        ({"secretName": "keys", "gatway": {"enabled": False}}, "gatway"),
        ({"secretName": "keys", "settings": {"TAPEFLOW_LATENESS_MS": 1}}, "TAPEFLOW_LATENESS_MS"),
        ({"secretName": "keys", "gateway": {"ingress": {"enabled": True}}}, "gateway.ingress.host"),
    ],
)
def test_a_mistake_is_told_before_anything_is_installed(chart: Chart, values: dict[str, Any], told: str) -> None:
    done = chart.run("template", "tapeflow", str(CHART), values=values)
    assert done.returncode != 0
    assert told in done.stderr
