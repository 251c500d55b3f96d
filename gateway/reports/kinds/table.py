"""All kinds of reports by name: what the runner makes, and what the documents describe.

A new kind is a file beside this one and an entry here; its name goes into ``gateway.reports.words.KIND_NAMES`` too.
"""

from typing import Final

from gateway.reports.kind import Kind
from gateway.reports.kinds.bars import BARS
from gateway.reports.kinds.correlation import CORRELATION
from gateway.reports.kinds.exposure_history import EXPOSURE_HISTORY
from gateway.reports.kinds.lp_scorecard import LP_SCORECARD
from gateway.reports.kinds.movers import MOVERS
from gateway.reports.kinds.profile import PROFILE
from gateway.reports.kinds.stats import STATS
from gateway.reports.kinds.trades import TRADES
from gateway.reports.kinds.volatility import VOLATILITY

__all__ = ["KINDS"]

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        BARS,
        TRADES,
        STATS,
        MOVERS,
        PROFILE,
        CORRELATION,
        VOLATILITY,
        LP_SCORECARD,
        EXPOSURE_HISTORY,
    )
}
