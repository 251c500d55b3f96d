"""All mutants, in the order in which they are run."""

from typing import Final

from tests.mutants import bars, kernels, trades
from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS: Final[tuple[Mutant, ...]] = (*bars.MUTANTS, *trades.MUTANTS, *kernels.MUTANTS)
