"""The documentation against the source: links that lead somewhere, names of settings, verbs and metrics that exist."""

import ast
import re
from pathlib import Path

import pytest

from runtime.settings.whole import Settings
from tests.unit.house import PACKAGES, ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FAMILIES = ("GaugeMetricFamily", "CounterMetricFamily", "HistogramMetricFamily")
METRIC_KINDS = ("Counter", "Gauge", "Histogram", "Summary", "Info", *FAMILIES)
SOURCES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def metrics_of(source: str) -> set[str]:
    """Names of the metrics that ``source`` declares, and of gauges that it hands to ``watch``."""
    # f"cache_{kind}" gives the family tapeflow_cache_.
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            start = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            function, first = ast.unparse(node.func).split(".")[-1], str(getattr(start, "value", ""))
            if function in METRIC_KINDS and first.startswith("tapeflow_"):
                names.add(first)
            elif function == "watch" and re.fullmatch("[a-z_]+", first):
                names.add(f"tapeflow_{first}")
    return names


def id_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_settings_named_are_settings(path: Path) -> None:
    known = {f"TAPEFLOW_{name.upper()}" for name in Settings.model_fields} | {"TAPEFLOW_CONFIG"}
    assert set(re.findall(r"TAPEFLOW_[A-Z_]*[A-Z]", path.read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_verbs_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    verbs = {command.stem.replace("_", "-") for command in (ROOT / "tapeflow" / "commands").glob("*.py")}
    assert set(re.findall(r"(?:`|bin/)tapeflow ([a-z-]+)", text)) <= verbs


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_files_named_in_backticks_exist(path: Path) -> None:
    pattern = rf"`((?:{'|'.join(PACKAGES)}|tests|docker|bench)/[\w./*-]*)(?::(\w+))?`"
    for name, noun in re.findall(pattern, path.read_text("utf-8")):
        found = list(ROOT.glob(name.rstrip("/")))
        assert found, name
        assert not noun or re.search(
            rf"^ *(?:(?:async )?def|class) {noun}\b|^{noun}\b.* =", found[0].read_text("utf-8"), re.MULTILINE
        ), f"{name} has no {noun}"


def test_the_page_of_metrics_lists_them_all() -> None:
    listed = set(re.findall(r"^\| `(tapeflow_\w+)`", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.MULTILINE))
    declared = set().union(*(metrics_of(path.read_text("utf-8")) for path in SOURCES))
    families = {name for name in declared if name.endswith("_")}
    assert declared - listed - families == set(), "add these rows to docs/metrics.md"
    old = {name for name in listed - declared if not name.startswith(tuple(families))}
    assert old == set(), "remove these rows from docs/metrics.md"


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (ROOT / "docs" / "adr").glob("*.md"):
        assert path.read_text("utf-8").startswith(f"# {path.name[:4]} ")
