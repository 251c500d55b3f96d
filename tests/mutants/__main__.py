"""Changes the product in one place at a time and asks whether a test sees it: ``make mutants``, ``ONLY="name name"``.

A line for each mutant says what became of it, and the last lines name those that nobody saw. Exit code 1 if there are
any, or if an explanation is wrong; 2 if the tests fail without a mutant, or a name is unknown.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.runner import Run, UnmutatedFailure, judge_all
from tests.mutants.table import MUTANTS

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutants, or how their files begin")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if not options.only or _is_chosen(mutant, options.only)]
    for name in options.only:
        if not any(_is_chosen(mutant, [name]) for mutant in MUTANTS):
            sys.stderr.write(f"mutants: no mutant and no file is called {name}: see tests/mutants\n")
            return 2
    begun_s = time.monotonic()
    runs: list[Run] = []
    print(f"{len(chosen)} mutants; first their tests without any", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        try:
            started_s = 0.0
            for run in judge_all(chosen, Path(folder), options.jobs):
                started_s = started_s or time.monotonic() - run.took_s
                runs.append(run)
                left_s = (time.monotonic() - started_s) / len(runs) * (len(chosen) - len(runs))
                print(_line(run, len(runs), len(chosen), left_s), flush=True)
        except UnmutatedFailure as failure:
            sys.stderr.write(f"{failure}\nmutants: these tests fail without any mutant: mend them first\n")
            return 2
    bad = [run for run in runs if not run.verdict.is_good]
    for run in bad:
        print(f"\n{run.verdict.value}: {run.mutant.name} in {run.mutant.file}\n  {run.mutant.why}")
        print(f"  - {run.mutant.old!r}\n  + {run.mutant.new!r}\n  {run.said}")
    counts = Counter(run.verdict.value for run in runs)
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{len(runs)} mutants in {time.monotonic() - begun_s:.0f} s: {said}")
    return 1 if bad else 0


def _is_chosen(mutant: Mutant, names: Sequence[str]) -> bool:
    return any(mutant.name == name or mutant.file.startswith(name) for name in names)


def _line(run: Run, done: int, total: int, left_s: float) -> str:
    place = f"{run.verdict.value:9} {run.mutant.file:34} {run.mutant.name}"
    return f"{done:3}/{total} {place:85} {run.took_s:4.1f} s, {left_s:3.0f} s left  {run.said.rpartition('/')[2][:90]}"


if __name__ == "__main__":
    sys.exit(main())
