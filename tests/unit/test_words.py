"""What comments and docstrings point at exists: modules, names in them, files of the project, pages of the docs."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.unit.house import PACKAGES, ROOT

FOLDERS = (*PACKAGES, "tests", "bench")
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})(?:\.[A-Za-z_]\w*)+")
FILE = re.compile(rf"(?<![\w./-])(?:{'|'.join((*FOLDERS, 'docs', 'docker'))})/[\w./*-]*\w")
BARE_DECISION = re.compile(r"\bADR[ -]?\d+|docs/adr/\d{4}(?!-)")
POINTER = re.compile("|".join(each.pattern for each in (DOTTED, FILE, BARE_DECISION)))


def files() -> list[Path]:
    return sorted(path for package in FOLDERS for path in (ROOT / package).rglob("*.py") if "/data/" not in str(path))


def remarks(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string that stands by itself, and of the comments where one may point at something."""
    if any(POINTER.search(line, line.find("#")) for line in source.splitlines() if "#" in line):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, and none of the expressions in them, which are nine in ten of what a walk would visit."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        yield (node := waiting.pop())
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, name, ())


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names that a module defines at its top or in its classes, and those that it imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(each.asname or each.name).split(".")[0] for each in node.names}
    return frozenset(found)


@cache
def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, a package, or a name in one (``core.bars.shard.Shard.apply`` too)."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:count])
        if path.is_dir() and count == len(parts):
            return True
        module = path.with_suffix(".py")
        if module.is_file():
            return set(parts[count:]) <= names_in(module)
    return False


def missing(text: str) -> Iterator[str]:
    for found in DOTTED.findall(text):
        if not is_there(found):
            yield f"{found} isn't there"
    for found in FILE.findall(text):
        if not any(ROOT.glob(found)):
            yield f"{found} isn't there"
    for found in BARE_DECISION.findall(text):
        yield f"{found}: name the decision's file, docs/adr/NNNN-what-it-says.md"


def test_remarks_point_at_what_exists() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {each}"
        for path in files()
        if path != Path(__file__)
        for line, text in remarks(path.read_text("utf-8"))
        for each in missing(text)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("see core.bars.shard and core.bars.shard.Shard.apply", False),
        ("see core.outcomes", True),
        ("a row of schemas.columns.TRADES", True),
        ("docs/adr/0002-compiled-kernels.md, core/bars/shard.py, tests/unit/core", False),
        ("docs/adr/0002-compiled.md", True),
        ("docs/adr/0007", True),
        ("as ADR 7 says", True),
    ],
)
def test_what_is_caught(text: str, is_wrong: bool) -> None:
    assert any(missing(text)) is is_wrong
