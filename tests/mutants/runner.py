"""Runs the tests of each mutant in a copy of the project, with kernels as plain Python, and says what became of it.

The copies lie in a temporary folder, one for each run at a time; the project itself is never changed. First the tests
run on the unchanged copy, which must pass. ``CI=1`` makes a missing server a failure there, so that no mutant survives
because its test was skipped. It also makes generated examples the same in every run (hypothesis has a profile for it).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

from tests.mutants.mutant import ROOT, Mutant, mutated

__all__ = ["Run", "UnmutatedFailure", "Verdict", "judge_all"]

LIMIT_S: Final = 120
"""A change may make a loop endless."""
LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "*.egg-info", "build", "docs", "golden")
PASSED, FAILED = 0, 1


class Verdict(Enum):
    """What became of a mutant, as it is printed."""

    KILLED = "killed"
    EXPLAINED = "explained"
    SURVIVED = "SURVIVED"
    KILLED_THOUGH_EXPLAINED = "KILLED, though it is explained"
    BROKEN = "BROKEN"

    @property
    def is_good(self) -> bool:
        return self in (Verdict.KILLED, Verdict.EXPLAINED)


class Run(NamedTuple):
    """``said``: the test that saw the mutant, or what pytest said where that isn't known."""

    mutant: Mutant
    verdict: Verdict
    said: str
    took_s: float


class UnmutatedFailure(Exception):
    """The tests fail without any mutant; the text is pytest's."""


def judge_all(mutants: Sequence[Mutant], folder: Path, jobs: int) -> Iterator[Run]:
    """A Run of each mutant, as they end. Works under ``folder``; raises UnmutatedFailure before the first."""
    first = folder / "0"
    shutil.copytree(ROOT, first, ignore=LEFT_OUT)
    code, said = _pytest(
        first, sorted({test for mutant in mutants for test in mutant.chosen_tests}), keep_bytecode=True
    )
    if code != PASSED:
        raise UnmutatedFailure(said)
    copies: SimpleQueue[Path] = SimpleQueue()
    copies.put(first)
    for number in range(1, jobs):
        # With the bytecode of the first run.
        copies.put(Path(shutil.copytree(first, folder / str(number))))

    def judge_one(mutant: Mutant) -> Run:
        copy = copies.get()
        try:
            return _judge(mutant, copy)
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(judge_one, mutant) for mutant in mutants]):
            yield future.result()


def _judge(mutant: Mutant, copy: Path) -> Run:
    begun_s = time.monotonic()
    with _applied(mutant, copy / mutant.file):
        try:
            code, said = _pytest(copy, mutant.chosen_tests)
        except subprocess.TimeoutExpired:
            code, said = FAILED, f"endless: still running after {LIMIT_S} s"
    if code == PASSED:
        verdict = Verdict.EXPLAINED if mutant.explained else Verdict.SURVIVED
    elif code == FAILED:
        verdict = Verdict.KILLED_THOUGH_EXPLAINED if mutant.explained else Verdict.KILLED
    else:
        verdict = Verdict.BROKEN
    if verdict is not Verdict.BROKEN:
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        said = found[1] if found else said.strip().splitlines()[-1]
    return Run(mutant, verdict, said, time.monotonic() - begun_s)


@contextmanager
def _applied(mutant: Mutant, path: Path) -> Iterator[None]:
    source, stat = path.read_text("utf-8"), path.stat()
    path.write_text(mutated(mutant, source), "utf-8")
    # Bytecode is taken for that of the file if size and second agree: no mutant may have those of the source.
    os.utime(path, (0, 0))
    try:
        yield
    finally:
        path.write_text(source, "utf-8")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _pytest(copy: Path, tests: Sequence[str], *, keep_bytecode: bool = False) -> tuple[int, str]:
    """Exit code and output. Plugins aren't looked for: their imports would take longer than the tests."""
    environment = {
        **os.environ, "CI": "1", "NUMBA_DISABLE_JIT": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "" if keep_bytecode else "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=None if keep_bytecode else LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout
