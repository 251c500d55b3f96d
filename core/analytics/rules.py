"""The rules by which a desk's figures come out.

Flows make them from settings, core.analytics goes by them, and the oracle says the same ones again. Equal rules and
equal records give equal figures.
"""

from typing import NamedTuple

__all__ = ["DeskRules", "FeedRules"]


class DeskRules(NamedTuple):
    """passed_per_second: decisions, or providers' records, of one second of the log that go out one by one; the others
    only in figures. exposures_passed_per_second: likewise of totals.

    lp_silence_us: how long a status holds without another record. lp_up: statuses in which a provider is up.
    reject_percent, execution_p99_us: bounds of a minute's decisions beyond which an alert is opened, 0 for none, where
    the minute has alert_decisions_min of them; rejections: decisions that are one.
    exposure_limit: in units of 10**-10, None where none is known. Levels begin and end at percents of it.
    """

    out_of_order_us: int
    lateness_us: int
    passed_per_second: int
    source_epoch: int = 0
    lp_silence_us: int = 30_000_000
    lp_up: frozenset[str] = frozenset({"connected", "degraded"})
    exposures_passed_per_second: int = 10
    exposure_limit: int | None = None
    warning_percent: int = 75
    warning_clear_percent: int = 72
    critical_percent: int = 90
    critical_clear_percent: int = 87
    reject_percent: int = 0
    execution_p99_us: int = 0
    alert_decisions_min: int = 20
    rejections: frozenset[str] = frozenset({"REJECT"})


class FeedRules(NamedTuple):
    """kinds: some of schemas.desk.TRADE_ALERTS. silence_us: without a trade for so long a feed is stale. clear_us: a
    fault is over when it wasn't met for so long. A price jumps by more than so many deviations, after moves_min moves.
    """

    kinds: frozenset[str]
    silence_us: int = 30_000_000
    clear_us: int = 60_000_000
    deviations: int = 20
    moves_min: int = 64
