"""All mutants, in the order in which they are run."""

from typing import Final

from tests.mutants import bars, connectors, desk, fanout, kernels, oracle, sinks, trades
from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS: Final[tuple[Mutant, ...]] = tuple(
    mutant for table in (bars, trades, desk, fanout, kernels, connectors, sinks, oracle) for mutant in table.MUTANTS
)
