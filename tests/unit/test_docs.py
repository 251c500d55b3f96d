"""The documentation against the source: links that lead somewhere, names of settings, verbs and metrics that exist."""

import ast
import functools
import re
from pathlib import Path

import pytest

from runtime.settings.whole import Settings
from tests.unit.house import PACKAGES, ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
RECIPES = (
    *("an interval", "a sink", "a value format", "a WebSocket dialect", "a REST endpoint"),
    *("a setting", "a metric", "a verb", "a migration", "a statistic of a bar"),
)
QUESTIONS = (
    *("where a bar closes", "where a late trade is decided", "where `previous` of a delta is set"),
    *("where a JWT is checked", "how to add an interval", "how to add a sink", "how to add a dialect"),
    *("how to add a value format", "how to add a setting", "how to add a metric"),
)
SUFFIXES = ("_total", "_bucket", "_sum", "_count", "_info")
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


@functools.cache
def declared_metrics() -> frozenset[str]:
    """Names of all metrics; one that ends in _ begins the names of a family."""
    return frozenset[str]().union(*(metrics_of(path.read_text("utf-8")) for path in SOURCES))


def links_of(path: Path) -> list[tuple[str, str]]:
    """(target, heading) of every link to a place of ours; the target is empty for the page itself."""
    links = re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", path.read_text("utf-8"))
    return [(target, heading) for target, heading in links if "://" not in target]


def headings_of(path: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    prose = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def section_of(heading: str) -> str:
    """What stands under a heading of CONTRIBUTING.md, up to the next one."""
    _, _, rest = f"\n{CONTRIBUTING.read_text('utf-8')}".partition(f"\n{heading}\n")
    assert rest, f"CONTRIBUTING.md has no {heading}"
    return re.split(r"^##+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def id_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_links_lead_somewhere(path: Path) -> None:
    for target, heading in links_of(path):
        page = path.parent / target if target else path
        assert page.exists(), target
        assert not heading or heading in headings_of(page), f"{target} has no heading {heading}"


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_settings_named_are_settings(path: Path) -> None:
    known = {f"TAPEFLOW_{name.upper()}" for name in Settings.model_fields} | {"TAPEFLOW_CONFIG"}
    assert set(re.findall(r"TAPEFLOW_[A-Z_]*[A-Z]", path.read_text("utf-8"))) <= known


@pytest.mark.parametrize("path", [path for path in PAGES if path.name != "CHANGELOG.md"], ids=id_of)
def test_metrics_named_exist(path: Path) -> None:
    known = declared_metrics()
    families = tuple(name for name in known if name.endswith("_"))
    for name in re.findall(r"`(tapeflow_\w+)\*?`", path.read_text("utf-8")):
        bare = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
        assert {name, bare} & known or name.startswith(families), f"no metric {name}"


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_verbs_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    verbs = {command.stem.replace("_", "-") for command in (ROOT / "tapeflow" / "commands").glob("*.py")}
    assert set(re.findall(r"(?:`|bin/)tapeflow ([a-z][a-z-]*)", text)) <= verbs


@pytest.mark.parametrize("path", PAGES, ids=id_of)
def test_files_named_in_backticks_exist(path: Path) -> None:
    pattern = rf"`((?:{'|'.join(PACKAGES)}|tests|docker|docs|bench|requirements)/[\w./*-]*)(?::(\w+))?`"
    for name, noun in re.findall(pattern, path.read_text("utf-8")):
        # NAME stands for a name of the reader's; others have gone that way before.
        found = list(ROOT.glob(re.sub("NAME|NNNN", "*", name).rstrip("/")))
        assert found, name
        assert not noun or re.search(
            rf"^ *(?:(?:async )?def|class) {noun}\b|^{noun}\b.* =", found[0].read_text("utf-8"), re.MULTILINE
        ), f"{name} has no {noun}"


def test_the_page_of_metrics_lists_them_all() -> None:
    listed = set(re.findall(r"^\| `(tapeflow_\w+)`", (ROOT / "docs" / "metrics.md").read_text("utf-8"), re.MULTILINE))
    declared = declared_metrics()
    families = {name for name in declared if name.endswith("_")}
    assert declared - listed - families == set(), "add these rows to docs/metrics.md"
    old = {name for name in listed - declared if not name.startswith(tuple(families))}
    assert old == set(), "remove these rows from docs/metrics.md"


def test_every_page_is_two_clicks_from_the_readme() -> None:
    reached = {README}
    for _click in range(2):
        for page in [page for page in reached if page.suffix == ".md"]:
            places = {(page.parent / target).resolve() for target, _ in links_of(page) if target}
            reached |= {file for place in places for file in ([place] if place.is_file() else place.glob("*.md"))}
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_names_places_and_tests(recipe: str) -> None:
    section = section_of(f"### Add {recipe}")
    steps = re.findall(r"^\d\. .*?(?=^\d\. |^\S|\Z)", section, re.MULTILINE | re.DOTALL)
    assert len(steps) >= 3
    assert all(re.search(r"`[a-z][^` ]*[/.][^` ]+`|\]\(#add-", step) for step in steps), "a step names no file"
    assert re.search(r"^Tests owed: .*`tests/", section, re.MULTILINE | re.DOTALL)


def test_a_strangers_questions_are_answered_by_a_line() -> None:
    rows = dict(re.findall(r"^\| (.+?) \| (.+) \|$", section_of("## Where is …?"), re.MULTILINE))
    assert set(QUESTIONS) <= set(rows)
    assert len(rows) >= 20
    for question, answer in rows.items():
        assert question in ("what you look for", "---") or re.search(r"`[\w/]+\.py:\w+`", answer), question
        assert not question.startswith("how to") or re.search(r"\[recipe\]\(#add-", answer), question
    assert (CONTRIBUTING.name, "where-is-") in links_of(README)


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in (ROOT / "docs" / "adr").glob("*.md"):
        assert path.read_text("utf-8").startswith(f"# {path.name[:4]} ")
