"""Every module that does something has a test file of its own, which runs all of it where results are decided."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mirror_coverage import FULL
from tests.unit.house import MIRRORS, ROOT, mirrors_of, modules, place

pytestmark = pytest.mark.long


def has_code(module: Path) -> bool:
    """Whether a module has a function with a body; one of names, types and tables alone has nothing to run."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return any(
        not isinstance(part, ast.Expr) or not isinstance(part.value, ast.Constant)
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, functions)
        for part in node.body
    )


def test_every_module_has_its_mirror() -> None:
    missing = [
        f"{place(module)}: write {' or '.join(map(place, mirrors_of(module)))}"
        for module in modules()
        if has_code(module) and not any(mirror.is_file() for mirror in mirrors_of(module))
    ]
    assert not missing, "\n".join(missing)


def test_every_unit_test_mirrors_a_module() -> None:
    """Laws over the whole house stand in tests/unit itself, stories of several modules in tests/integration."""
    known = {mirror for module in modules() for mirror in mirrors_of(module)}
    tests = [path for path in (ROOT / MIRRORS[0]).rglob("test_*.py") if path.parent != ROOT / MIRRORS[0]]
    assert len(tests) > 100
    assert [place(path) for path in tests if path not in known] == []


@pytest.mark.thorough
@pytest.mark.compiled
def test_where_results_are_decided_each_mirror_runs_its_whole_module() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.mirror_coverage", *FULL],
        check=False,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert f" 100  {FULL[0]}/" in run.stdout
