"""The tables of mutants fit the source: each changes one place, is tried by tests that exist, and says why it matters.

Whether the tests see them is what ``make mutants`` asks.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.__main__ import main
from tests.mutants.mutant import ROOT, Mutant, mutated
from tests.mutants.runner import UnmutatedFailure, Verdict, judge_all
from tests.mutants.table import MUTANTS

LEAST = 200
PARTS = {"core", "kernels", "connectors", "sinks", "oracle"}
SMALL_TEST = """
from core.bars.rules import Rules

def test_a_later_record_has_a_higher_sequence():
    assert Rules().sequence(2) > Rules().sequence(1)
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_and_says_what_comes_of_it(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text("utf-8")
    assert mutated(mutant, source) != source
    assert mutant.why
    for test in mutant.chosen_tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists(), f"{mutant.name}: no {path}"
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / path).read_text("utf-8"), (
            f"{mutant.name}: {test}"
        )


def test_an_explanation_is_a_sentence() -> None:
    assert all(mutant.explained.endswith(".") for mutant in MUTANTS if mutant.explained)


def test_every_part_that_makes_figures_has_mutants_and_no_two_have_one_name() -> None:
    assert len(MUTANTS) >= LEAST
    assert {name: count for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1} == {}
    folders = Counter(mutant.file.partition("/")[0] for mutant in MUTANTS)
    assert folders.keys() >= PARTS, folders
    assert not [mutant.name for mutant in MUTANTS if not mutant.file.endswith((".py", ".lua"))]


def test_a_text_that_stands_twice_or_nowhere_is_refused() -> None:
    mutant = MUTANTS[0]
    for source in ("", f"{mutant.old} {mutant.old}"):
        with pytest.raises(ValueError, match=rf"{mutant.name}: .* stands \d times in {mutant.file}, not once"):
            mutated(mutant, source)


def small(name: str, new: str, explained: str = "", tests: tuple[str, ...] = ()) -> Mutant:
    """A change of a small file whose tests take no time."""
    old = "return first_sequence(self.source_epoch) + offset"
    return Mutant(name, "core/bars/rules.py", old, new, "sequences are wrong", tests, explained)


def test_what_becomes_of_mutants_and_the_project_stays_as_it_is(tmp_path: Path) -> None:
    before = (ROOT / "core/bars/rules.py").read_bytes()
    # A test that loads nothing of tests/: one run of the mirror shows how it is chosen.
    (tmp_path / "test_small.py").write_text(SMALL_TEST)
    quick = (str(tmp_path / "test_small.py"),)
    wrong = "return first_sequence(self.source_epoch) - offset"
    same = "return offset + first_sequence(self.source_epoch)"
    mutants = [
        small("seen", wrong),
        small("unseen", same, tests=quick),
        small("harmless", same, explained="A sum is the same in any order.", tests=quick),
        small("seen-after-all", wrong, explained="Nobody sees it.", tests=quick),
        small("no-python", "return first_sequence(", tests=quick),
    ]
    runs = {run.mutant.name: run for run in judge_all(mutants, tmp_path, jobs=1)}
    assert {name: run.verdict for name, run in runs.items()} == {
        "seen": Verdict.KILLED,
        "unseen": Verdict.SURVIVED,
        "harmless": Verdict.EXPLAINED,
        "seen-after-all": Verdict.KILLED_THOUGH_EXPLAINED,
        "no-python": Verdict.BROKEN,
    }
    assert runs["seen"].said.startswith("tests/unit/core/bars/test_rules.py::test_")
    assert (ROOT / "core/bars/rules.py").read_bytes() == before


def test_tests_that_fail_without_a_mutant_judge_none(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text("def test_wrong() -> None:\n    assert False\n")
    wrong = small("seen", "return first_sequence(self.source_epoch) - offset", tests=(str(tmp_path / "test_wrong.py"),))
    with pytest.raises(UnmutatedFailure, match="1 failed"):
        list(judge_all([wrong], tmp_path, jobs=1))


def test_a_name_that_no_mutant_has_is_the_users(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nothing-like-that"]) == 2
    assert "no mutant and no file is called nothing-like-that" in capsys.readouterr().err
