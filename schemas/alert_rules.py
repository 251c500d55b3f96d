"""Words of users' rules: what stands in the topics ``alert-rules`` and ``alert-rules.armed``, and in a firing.

The gateway writes a rule, the alerts flow arms it and writes down from which sequence on it counts; both topics are
compacted by the rule's id. A record of the armed log holds the rule itself and its state, so that a crash, a replay and
the oracle need nothing else beside the trades. Numbers are decimals as text: no binary float comes near a bound.
"""

import re
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from schemas.alert_series import SERIES, USABLE, Series, Window, series_fault
from schemas.contract import YEAR_2300_US

__all__ = [
    "ALERT_TYPE",
    "CONDITIONS",
    "COOLDOWN_MS_MAX",
    "DIRECTIONS",
    "RELATIVE",
    "REPEATS",
    "STATES",
    "AlertRule",
    "ArmedRule",
    "Condition",
    "Firing",
    "PriceAlert",
    "Repeat",
    "RuleState",
    "RuleTerms",
    "fault_of",
    "firing_id",
]

ALERT_TYPE: Final = "threshold_exceeded"
"""What every price alert says in ``alert_type``; ``direction`` says which way."""

IS_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
COOLDOWN_MS_MAX: Final = 366 * 86_400_000
SILENCE_S_MAX: Final = 366 * 86_400
SCALE: Final = 10
IS_AMOUNT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?").fullmatch
"""Thresholds and rearms: below 10**18, without an exponent."""

Condition = Literal["crosses_above", "crosses_below", "above", "below", "rises_by", "falls_by"]
CONDITIONS: Final[tuple[str, ...]] = get_args(Condition)
DIRECTIONS: Final = {
    "crosses_above": "above",
    "crosses_below": "below",
    "above": "above",
    "below": "below",
    "rises_by": "above",
    "falls_by": "below",
}
RELATIVE: Final = frozenset({"rises_by", "falls_by"})
"""Their threshold is a percentage of the price at which they were armed."""
Repeat = Literal["once", "every"]
REPEATS: Final[tuple[str, ...]] = get_args(Repeat)
RuleState = Literal["armed", "waiting", "fired", "expired"]
STATES: Final[tuple[RuleState, ...]] = get_args(RuleState)
"""armed: fires when the value meets its threshold; waiting: first the value has to go back behind ``rearm``; fired,
expired: over."""


class RuleTerms(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What decides when a rule fires. ``rearm``: how far the value must go back before the rule may fire again."""

    id: str
    symbol: str
    condition: Condition
    threshold: str
    repeat: Repeat = "once"
    rearm: str = "0"
    cooldown_ms: int = 0
    expires_at_ms: int = 0
    version: int = 1
    series: Series = "price"
    window: Window = ""


class AlertRule(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One rule as its topic holds it: RuleTerms, whose it is, and what the user wrote beside. Times in ms."""

    id: str
    user: str
    symbol: str
    condition: Condition
    threshold: str
    repeat: Repeat = "once"
    rearm: str = "0"
    cooldown_ms: int = 0
    expires_at_ms: int = 0
    note: str = ""
    version: int = 1
    created_at: int = 0
    updated_at: int = 0
    series: Series = "price"
    window: Window = ""


class ArmedRule(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """One record of the armed log. armed_at: the sequence behind which trades count for this version of the rule.

    at: the sequence of the trade that brought ``state`` about. not_before_us: event time before which it stays silent.
    rule: the bytes of its AlertRule. reference: the last price then, where its threshold is a percentage of that.
    """

    rule: msgspec.Raw
    armed_at: int
    at: int
    state: RuleState
    not_before_us: int = 0
    reference: str = ""


class PriceAlert(msgspec.Struct, frozen=True):
    """``data`` of a price_alert event. price, threshold and value are numbers with all their digits."""

    symbol: str
    price: msgspec.Raw
    alert_type: str
    threshold: msgspec.Raw
    direction: str
    id: str
    rule: str
    sequence: int
    timestamp: int
    note: str = ""
    series: str = "price"
    window: str = ""
    value: msgspec.Raw = msgspec.Raw(b"0")
    basis: str = "log"


class Firing(NamedTuple):
    """A rule that fired. price (of the trade), threshold (that was passed), value (of the series): in units of 10**-10.

    place: among the firings of one sequence, which go by rule id. named: the sequence that its id has.
    basis: log, or clock where silence was told of before the log went on.
    timestamp_ms: Kafka's, of the trade's record; in_record: the trade's place in it."""

    partition: int
    sequence: int
    in_record: int
    place: int
    event_time_us: int
    timestamp_ms: int
    price: int
    threshold: int
    rule: AlertRule
    value: int
    named: int
    basis: str = "log"

    @property
    def id(self) -> str:
        return firing_id(self.rule.id, self.named, self.in_record if self.rule.series != "silence" else 0)


def firing_id(rule_id: str, sequence: int, in_record: int = 0) -> str:
    """A rule fires at most once at a trade, so a crash or a replay makes the same id again.

    in_record: the trade's place in its record, said only where a record holds several.
    """
    return f"{rule_id}:{sequence}.{in_record}" if in_record else f"{rule_id}:{sequence}"


def fault_of(terms: RuleTerms | AlertRule) -> str:
    """What makes a rule unusable, beside a symbol that is none; empty for a good one."""
    if not IS_ID(terms.id):
        return "id has characters outside A-Z a-z 0-9 _ -, or more than 64"
    if (terms.series, terms.window, terms.condition) not in USABLE:
        return series_fault(terms.series, terms.window)
    if not IS_AMOUNT(terms.threshold) or not (terms.threshold.strip("0.") or SERIES[terms.series].may_be_zero):
        return f"threshold must be above 0 and below 10**18, with at most {SCALE} decimal places"
    if (terms.series == "fall" or terms.condition == "falls_by") and len(terms.threshold.split(".")[0]) > 2:
        return "threshold of a fall must be below 100 (percent)"
    if terms.series == "silence" and not 1 <= float(terms.threshold) <= SILENCE_S_MAX:
        return f"threshold of a silence must be between 1 and {SILENCE_S_MAX} (seconds)"
    if not IS_AMOUNT(terms.rearm):
        return f"rearm must be 0 or more and below 10**18, with at most {SCALE} decimal places"
    if not 0 <= terms.cooldown_ms <= COOLDOWN_MS_MAX:
        return "cooldownMs must be between 0 and a year"
    if not 0 <= terms.expires_at_ms <= YEAR_2300_US // 1000:
        return "expiresAt must be milliseconds since 1970, 0 for never"
    return "" if terms.version >= 1 else "version must be 1 or more"
