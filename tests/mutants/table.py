"""All mutants, in the order in which they are run."""

from typing import Final

from tests.mutants import bars, connectors, fanout, kernels, oracle, sinks, trades
from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS: Final[tuple[Mutant, ...]] = tuple(
    mutant for table in (bars, trades, fanout, kernels, connectors, sinks, oracle) for mutant in table.MUTANTS
)
