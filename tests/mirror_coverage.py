"""Coverage of each module under its own mirror: ``make coverage``, or ``python -m tests.mirror_coverage PACKAGE…``.

All mirrors run in one process, with kernels as plain Python, and what a test runs is booked on the test's file. A
module's figure counts the lines and branches that its own mirror ran, and what importing it ran: a line that only
somebody else's test reaches is missing here. FULL are the packages where nothing may be missing.
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import coverage
import pytest

from tests.unit.house import MIRRORS, PACKAGES, ROOT, mirrors_of, modules, place

__all__ = ["FULL", "Figure", "main", "measure"]

FULL: Final = ("core", "kernels", "schemas")
FAILED: Final = 1


class Figure(NamedTuple):
    """What is missing from a module: lines, and branches as (from line, to line), below zero for the end."""

    module: str
    share: float
    lines: list[int]
    branches: list[list[int]]


class Booking:
    """A pytest plugin that names the test's file as the one who runs lines."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._measured.switch_context(place(item.path))
        try:
            return (yield)
        finally:
            self._measured.switch_context("")


def measure(packages: Iterable[str], tests: list[str]) -> tuple[int, list[Figure]]:
    """pytest's exit code for ``tests``, and the figures of the modules of ``packages``."""
    with tempfile.TemporaryDirectory() as folder:
        measured = coverage.Coverage(data_file=None, branch=True, source=list(packages), config_file="pyproject.toml")
        measured.start()
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests], plugins=[Booking(measured)])
        measured.stop()
        report = Path(folder) / "report.json"
        return int(code), [_figure(measured, path, report) for path in modules(packages)]


def _figure(measured: coverage.Coverage, path: Path, report: Path) -> Figure:
    """The figure of one module: of what was run by its mirrors, and by nobody, which is its import."""
    contexts = ["^$", *(f"^{re.escape(place(mirror))}$" for mirror in mirrors_of(path))]
    measured.json_report(morfs=[str(path)], contexts=contexts, outfile=str(report))
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))["files"][place(path)]
    return Figure(
        place(path), found["summary"]["percent_covered"], found["missing_lines"], found.get("missing_branches", [])
    )


def main(arguments: list[str]) -> int:
    """Print the table, and what is missing where nothing may be; exit code 1 for that or for a test that fails."""
    packages = arguments or list(PACKAGES)
    tests = [each for package in packages for kind in MIRRORS if (ROOT / (each := f"{kind}/{package}")).is_dir()]
    code, figures = measure(packages, tests)
    print("\n   %  module")
    for figure in sorted(figures, key=lambda each: (each.share, each.module)):
        print(f"{figure.share:4.0f}  {figure.module}")
    poor = [each for each in figures if each.module.startswith(FULL) and (each.lines or each.branches)]
    for figure in poor:
        branches = ", ".join(f"{one}->{other}" if other > 0 else f"{one}->end" for one, other in figure.branches)
        print(
            f"{figure.module}: its mirror, {place(mirrors_of(ROOT / figure.module)[0])}, never runs "
            f"lines {figure.lines}" + (f", branches {branches}" if branches else ""),
            file=sys.stderr,
        )
    return code or (FAILED if poor else 0)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
