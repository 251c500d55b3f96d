"""The tables of mutants fit the source: each changes one place, is tried by tests that exist, and says why it matters.

Whether the tests see them is what ``make mutants`` asks.
"""

from collections import Counter

import pytest

from tests.mutants.mutant import ROOT, Mutant, mutated
from tests.mutants.table import MUTANTS

LEAST = 70


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
    assert {"core", "kernels"} <= folders.keys(), folders
    assert not [mutant.name for mutant in MUTANTS if not mutant.file.endswith((".py", ".lua"))]


def test_a_text_that_stands_twice_or_nowhere_is_refused() -> None:
    mutant = MUTANTS[0]
    for source in ("", f"{mutant.old} {mutant.old}"):
        with pytest.raises(ValueError, match=rf"{mutant.name}: .* stands \d times in {mutant.file}, not once"):
            mutated(mutant, source)
