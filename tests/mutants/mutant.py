"""What a mutant is: one small change of the product that would give somebody a wrong figure, and the tests that see it.

The tables beside this file hold them by folder of the product. A mutant replaces one text, which occurs once in its
file; so the text is short, and a moved line keeps it. Most are found by the mirror of the file alone: ``tests`` names
others only where the mirror can't know. What no test can see isn't a hole if it can't matter: such a mutant says why in
``explained``, and the run fails if a test does see it, as the explanation is then wrong.
"""

from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["ROOT", "Mutant", "mutated"]

ROOT: Final = Path(__file__).parents[2]


class Mutant(NamedTuple):
    """``why``: what a user would see. ``tests``: pytest's paths or node ids, instead of the mirror of ``file``."""

    name: str
    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()
    explained: str = ""

    @property
    def chosen_tests(self) -> tuple[str, ...]:
        """What pytest is to run."""
        if self.tests:
            return self.tests
        folder, _, name = self.file.rpartition("/")
        return (f"tests/unit/{folder}/test_{name}",)


def mutated(mutant: Mutant, source: str) -> str:
    """``source`` with the change in it; raises ValueError unless the old text stands there once."""
    count = source.count(mutant.old)
    if count != 1:
        raise ValueError(f"{mutant.name}: {mutant.old!r} stands {count} times in {mutant.file}, not once")
    return source.replace(mutant.old, mutant.new)
