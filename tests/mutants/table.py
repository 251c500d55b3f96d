"""All mutants, in the order in which they are run."""

from typing import Final

from tests.mutants import bars, connectors, desk, fanout, kernels, oracle, quotes, rules, sinks, trades
from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

TABLES: Final = (bars, trades, quotes, rules, desk, fanout, kernels, connectors, sinks, oracle)
MUTANTS: Final[tuple[Mutant, ...]] = tuple(mutant for table in TABLES for mutant in table.MUTANTS)
