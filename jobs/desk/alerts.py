"""Holds a desk's alerts against the oracles': each opened once, ended once, none lost, in ClickHouse and in the stream.

Proofs hand in what should have happened and read what did. A silence that only the clock can have found may be there or
not; where it is, it must be over exactly when its provider has come back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from oracle.desk_exposure import OracleExposure
from oracle.desk_lp_alerts import OracleLpAlerts
from oracle.rows import RowComparison, RowDifference
from schemas.desk import DeskKind

__all__ = ["PREFIXES", "ExpectedAlerts", "compare_kept", "compare_sent"]

PREFIXES: Final[Mapping[DeskKind, str]] = {"lp": "lp:", "exposure": "exposure:"}
"""How ids of the alerts of each kind begin."""
OPEN: Final = "open"
ACKNOWLEDGED: Final = "acknowledged"
RESOLVED: Final = "resolved"


@dataclass(slots=True)
class ExpectedAlerts:
    """told: (id, open or resolved), each once. by_clock: ids that may be there too, and whether they are over."""

    told: set[tuple[str, str]] = field(default_factory=set)
    by_clock: dict[str, bool] = field(default_factory=dict)

    def add(self, truth: OracleExposure | OracleLpAlerts) -> None:
        self.told |= set(truth.alerts)
        if isinstance(truth, OracleLpAlerts):
            self.by_clock |= truth.by_clock


def compare_kept(expected: ExpectedAlerts, stored: Mapping[str, str]) -> RowComparison:
    """``stored``: what became of each alert. One that somebody has acknowledged is open still."""
    found = RowComparison()
    wanted = {alert_id: RESOLVED if (alert_id, RESOLVED) in expected.told else OPEN for alert_id, _ in expected.told}
    for alert_id in wanted.keys() | stored.keys():
        state = stored.get(alert_id, "none")
        said = wanted.get(alert_id, "none")
        if alert_id not in wanted and alert_id in expected.by_clock:
            said = RESOLVED if expected.by_clock[alert_id] else OPEN
        found.compared += 1
        if state != said and not (state == ACKNOWLEDGED and said == OPEN):
            found.differences.append(RowDifference("alerts", alert_id, "state", said, state))
    return found


def compare_sent(expected: ExpectedAlerts, sent: Iterable[tuple[str, str]], *, is_whole: bool = True) -> RowComparison:
    """``sent``: id and state of each message; what people acknowledge is theirs. is_whole: whether the stream still
    holds its first entry."""
    found, counts = RowComparison(), Counter(told for told in sent if told[1] != ACKNOWLEDGED)
    for told in expected.told | counts.keys():
        alert_id, state = told
        count = counts[told]
        may_be = alert_id in expected.by_clock and (state == OPEN or expected.by_clock[alert_id])
        found.compared += 1
        if count > 1 or (count and told not in expected.told and not may_be):
            found.differences.append(RowDifference("event stream", alert_id, state, "once or not at all", str(count)))
        elif not count and is_whole:
            found.differences.append(RowDifference("event stream", alert_id, state, "once", "none"))
    return found
