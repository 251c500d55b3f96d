"""The dashboard against Grafana's own model, and against what it needs beside itself: its data source, room, names."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

GRAFANA = Path(__file__).parents[3] / "docker" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "tapeflow.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
BUILT_IN = {"__rate_interval"}
WIDTH = 24


def unknown(given: Any, kept: Any, path: str = "") -> list[str]:
    """Places of ``given`` that the model didn't keep as they are."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [each for key in given for each in unknown(given[key], kept.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [each for at, (ours, theirs) in enumerate(zip(given, kept, strict=True))
                for each in unknown(ours, theirs, f"{path}[{at}]")]  # fmt: skip
    return [] if given == kept else [path]


def modelled(dashboard: dict[str, Any]) -> Any:
    plugins.register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def test_grafana_knows_every_word_of_it() -> None:
    assert unknown(DASHBOARD, modelled(DASHBOARD)) == []


@pytest.mark.parametrize(("right", "wrong"), [("legendFormat", "legend"), ("gridPos", "gridpos"), ("refresh", "every")])
def test_a_word_that_it_does_not_know_is_seen(right: str, wrong: str) -> None:
    mistaken = json.loads(json.dumps(DASHBOARD).replace(f'"{right}"', f'"{wrong}"'))
    assert unknown(mistaken, modelled(mistaken))


def test_panels_have_names_of_their_own_and_room() -> None:
    assert len({panel["id"] for panel in PANELS}) == len({panel["title"] for panel in PANELS}) == len(PANELS)
    assert all(panel["description"] for panel in PANELS)
    for panel in PANELS:
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters), panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH, panel["title"]
    for one, other in itertools.combinations(PANELS, 2):
        first, second = one["gridPos"], other["gridPos"]
        assert (
            first["x"] + first["w"] <= second["x"]
            or second["x"] + second["w"] <= first["x"]
            or first["y"] + first["h"] <= second["y"]
            or second["y"] + second["h"] <= first["y"]
        ), f"{one['title']} lies over {other['title']}"


def test_panels_ask_the_source_that_is_provided_and_variables_that_exist() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yaml").read_text("utf-8"))[
        "datasources"
    ]
    scraped = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text("utf-8"))["global"]
    # Else Grafana takes it for 15 s, and rates are those of a minute.
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
    assert {(panel["datasource"]["type"], panel["datasource"]["uid"]) for panel in PANELS} == {
        (source["type"], source["uid"])
    }
    known = BUILT_IN | {each["name"] for each in DASHBOARD.get("templating", {}).get("list", ())}
    for panel in PANELS:
        for target in panel["targets"]:
            named = re.findall(r"\$\{?(\w+)", target["expr"])
            assert set(named) <= known, panel["title"]
            labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            grouped = re.search(r"by \(([\w, ]+)\)", target["expr"])
            assert labels <= (set(re.split(r", ?", grouped[1])) if grouped else set()), target["expr"]
