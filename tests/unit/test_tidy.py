"""Style as a test: what review would say again and again, with the place and the limit in the message.

An exception is a line in a table here, with its reason.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.house import PACKAGES, ROOT, modules, place

MODULE_LINES_MAX = 400
TEST_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 120
HEAD_LINES = range(3, 11)
BANNED_WORDS = {
    "utils": "its noun",
    "common": "its noun",
    "helpers": "its noun",
    "manager": "what it does",
    "misc": "it",
}
HEAD_ALLOWED = {"schemas/errors.py": "draws the tree of errors"}
MODULE_LINES_ALLOWED: dict[str, str] = {}
FUNCTION_LINES_ALLOWED: dict[str, str] = {
    "connectors/json/kernel.py _scan_record": "one compiled loop; a call for each key would cost more than the key",
    "core/bars/shard_kernel.py apply_trades": "one compiled loop; cut in two it would hand twenty arrays across",
}
PAST_VERBS = "caught_up|cut|left|lost|found|began|spoke|split|ruled_out"
LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
Trees = dict[Path, ast.Module]


@pytest.fixture(scope="module")
def trees() -> Trees:
    """Each module's syntax, parsed once."""
    return {path: ast.parse(path.read_text("utf-8")) for path in modules()}


def files_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def test_every_module_has_a_head_of_3_to_10_lines(trees: Trees) -> None:
    wrong = {}
    for path, tree in trees.items():
        head = ast.get_docstring(tree) or ""
        if len(head.splitlines()) not in HEAD_LINES:
            wrong[place(path)] = len(head.splitlines())
    assert set(wrong) <= set(HEAD_ALLOWED), wrong


def test_what_a_module_promises_is_a_plain_sentence() -> None:
    """Ritual words in front of a sentence say nothing; the sentence itself, in plain words, does."""
    ritual = re.compile(r"\bLaws?" + r":|\b[Tt]he surprises?\b|\bfor else\b")
    wrong = [
        f"{place(path, number)}: {line.strip()[:80]}"
        for path in [*modules(), *files_of_tests(), *sorted((ROOT / "bench").rglob("*.py"))]
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if ritual.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_is_public(trees: Trees) -> None:
    missing = []
    for path, tree in trees.items():
        names = [
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        if "__all__" not in names:
            missing.append(place(path))
    assert not missing, "no __all__: " + ", ".join(missing)


def test_no_module_is_longer_than_400_lines_and_no_test_than_500() -> None:
    long = {
        place(path): lines
        for paths, lines_max in ((modules(), MODULE_LINES_MAX), (files_of_tests(), TEST_LINES_MAX))
        for path in paths
        if (lines := len(path.read_text("utf-8").splitlines())) > lines_max
    }
    assert set(long) <= set(MODULE_LINES_ALLOWED), long


def test_no_function_is_longer_than_70_lines(trees: Trees) -> None:
    long = {}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{place(path)} {node.name}"] = lines
    assert set(long) <= set(FUNCTION_LINES_ALLOWED), long


def test_no_file_has_a_name_that_says_nothing() -> None:
    for path in [*modules(), *files_of_tests()]:
        for word, better in BANNED_WORDS.items():
            assert word not in path.stem.split("_"), f"{place(path)}: name it after {better}"


def test_no_line_is_too_long_and_nothing_is_left_to_do() -> None:
    wrong = []
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    for path in [*modules(), *files_of_tests(), *sorted((ROOT / "bench").rglob("*.py"))]:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if len(line) > LINE_COLUMNS_MAX or unfinished.search(line):
                wrong.append(f"{place(path, number)}: {line.strip()[:80]}")
    assert not wrong, "\n".join(wrong)


def _calls(path: Path, name: str) -> list[str]:
    text = path.read_text("utf-8")
    if not all(word in text for word in name.split(".")):
        return []
    return [
        place(path, node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]


def test_libraries_never_print_and_tests_never_sleep() -> None:
    wrong = [each for path in modules() for each in _calls(path, "print")]
    wrong += [each for path in files_of_tests() for each in _calls(path, "time.sleep") if "servers" not in path.parts]
    assert not wrong, "\n".join(wrong)


def events(tree: ast.Module) -> Iterator[tuple[int, object]]:
    """Line and first words of every call that logs an event."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and node.args):
            continue
        if isinstance(node.func, ast.Name) and node.func.id.startswith("_log_"):
            yield node.lineno, getattr(node.args[0], "value", None)
        if not isinstance(node.func, ast.Attribute):
            continue
        if not isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.Tuple | ast.Name):
            continue  # KafkaLog.error takes the client's error
        by = ast.unparse(node.func.value)
        if node.func.attr in LOG_LEVELS and re.search(r"(^|[._])(log|_line|get_logger\(\))$", by):
            yield node.lineno, getattr(node.args[0], "value", None)
        elif node.func.attr == "say" and by.endswith("log") and len(node.args) > 1:
            yield node.lineno, getattr(node.args[1], "value", None)


def test_events_of_the_log_have_constant_names_of_one_style(trees: Trees) -> None:
    """Noun and past verb, as words for machines: values that differ go into fields."""
    found = [(place(path, line), event) for path, tree in trees.items() for line, event in events(tree)]
    assert len(found) > 40
    past = rf"[a-z]+(_[a-z]+)*_([a-z]+ed|{PAST_VERBS})"
    wrong = [f"{where}: {event!r}" for where, event in found if not re.fullmatch(past, str(event))]
    assert not wrong, "\n".join(wrong)


def test_events_of_the_log_are_those_of_its_page(trees: Trees) -> None:
    """Someone searches for them and raises alarms by them: a new one is written down, and none stays that is gone."""
    logged = {event for tree in trees.values() for _, event in events(tree)}
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/logs.md").read_text("utf-8"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert logged - set(listed) == set(), "docs/logs.md lacks them"
    assert set(listed) - logged == set(), "docs/logs.md has them, and nothing logs them"


def test_core_kernels_and_schemas_read_no_clock() -> None:
    clocks = ("time.time", "time.monotonic", "time.perf_counter", "time.time_ns", "datetime.now", "datetime.utcnow")
    wrong = [
        each
        for path in modules()
        if path.relative_to(ROOT).parts[0] in ("core", "kernels", "schemas")
        for name in clocks
        for each in _calls(path, name)
    ]
    assert not wrong, "\n".join(wrong)


def test_lua_lies_in_files_of_its_own() -> None:
    wrong = [place(path) for path in modules() if re.search(r"\b(redis\.call|call)\('", path.read_text("utf-8"))]
    assert not wrong, f"{wrong}: put the script into a .lua file beside the module, and load it as a resource"


def test_every_file_beside_modules_is_in_the_wheel() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"]
    beside = {
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    shipped = {
        path
        for package, names in data.items()
        for name in names
        for path in (ROOT / package.replace(".", "/")).glob(name)
    }
    assert beside == shipped, sorted(place(path) for path in beside ^ shipped)


def test_the_version_is_the_newest_of_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == version
