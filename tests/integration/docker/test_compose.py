"""The compose file, loaded by the loader of docker compose: what it starts, what it asks for, who reaches it."""

from pathlib import Path

import pytest

from tests.servers.compose import LoadCompose, Refused

DOCKER = Path(__file__).parents[3] / "docker"
COMPOSE = DOCKER / "compose.yaml"
SECRETS = {"GATEWAY_TOKEN_SECRET": "s" * 32, "GRAFANA_PASSWORD": "p"}
CORE = {
    "kafka", "topics", "clickhouse", "redis", "migrate", "live", "history", "alerts", "analytics", "quotes", "gateway",
    "prometheus", "grafana",
}  # fmt: skip


def test_it_is_reached_from_this_machine_only_unless_asked(load_compose: LoadCompose) -> None:
    def addresses(**environment: str) -> dict[str, set[str]]:
        services = load_compose(COMPOSE, environment=SECRETS | environment)["services"]
        return {name: {port["host_ip"] for port in each["ports"]} for name, each in services.items() if "ports" in each}

    here = {name: {"127.0.0.1"} for name in ("gateway", "prometheus", "grafana")}
    assert addresses() == here
    assert addresses(GATEWAY_ADDRESS="0.0.0.0") == here | {"gateway": {"0.0.0.0"}}


def test_what_is_started_and_what_a_profile_adds(load_compose: LoadCompose) -> None:
    assert set(load_compose(COMPOSE, environment=SECRETS)["services"]) == CORE
    asked = SECRETS | {"COMPOSE_PROFILES": "ingest", "INGEST": "kraken:BTC/USD,ETH/USD"}
    services = load_compose(COMPOSE, environment=asked)["services"]
    assert set(services) == {*CORE, "ingest"}
    assert services["ingest"]["command"] == ["ingest", "kraken:BTC/USD,ETH/USD"]
    mounted = [volume["source"] for each in services.values() for volume in each.get("volumes", ())]
    assert all(Path(source).exists() for source in mounted if source.startswith("/"))


@pytest.mark.parametrize("name", SECRETS)
def test_it_asks_for_each_secret_and_says_how_to_make_one(load_compose: LoadCompose, name: str) -> None:
    with pytest.raises(Refused, match=rf"{name} is missing.*openssl rand -hex"):
        load_compose(COMPOSE, environment={key: value for key, value in SECRETS.items() if key != name})


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("healthcheck:", "healthchek:", "healthchek"),
        ("topics: {condition: service_completed_successfully}", "topic: {condition: service_started}", "topic"),
        ("stop_grace_period: 20s", "stop_grace_period: soon", "soon"),
    ],
)
def test_mistakes_are_seen(load_compose: LoadCompose, tmp_path: Path, right: str, wrong: str, words: str) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.read_text("utf-8").replace(right, wrong))
    with pytest.raises(Refused, match=words):
        load_compose(file, environment=SECRETS)
