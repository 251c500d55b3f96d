"""What users' rules should have fired, recomputed: one state machine a rule, in plain Python on ``decimal``.

Tests and the proof hand in the applied trades by sequence, and what the armed log says: each rule and the sequence
behind which it counts. It shares no code with core.alerts. A rule that crosses above fires at a price at or above the
threshold while that of the trade before was below; ``above`` needs no trade before. After a firing ``once`` is over;
``every`` needs a price at or below threshold - rearm first. While a cooldown lasts, what would fire is passed over, and
needs the way back as well. From its expiry on, in event time, a rule is over. What is below mirrors what is above. A
rule that rises or falls by a percentage is above or below the price so far from the last one at its arming. Series
other than the price are met in the same way by their values (oracle.alert_series); none is known at the arming.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Final, Literal, NamedTuple

from oracle.alert_series import OracleMoment, OracleTick, moments_of

__all__ = ["OracleFiring", "OracleRule", "OracleTick", "expected_firings"]

UNIT: Final = Decimal(1).scaleb(-10)
# Prices of 28 digits and a unit beside them: nothing below is ever rounded by accident.
EXACT: Final = Context(prec=200)


class OracleRule(NamedTuple):
    """One version of a rule. armed_at: only trades of greater sequences count; ended_at: and up to this one."""

    id: str
    symbol: str
    condition: Literal["crosses_above", "crosses_below", "above", "below", "rises_by", "falls_by"]
    threshold: Decimal
    armed_at: int
    repeat: Literal["once", "every"] = "once"
    rearm: Decimal = Decimal(0)
    cooldown_ms: int = 0
    expires_at_ms: int = 0
    ended_at: int | None = None
    series: str = "price"
    window: str = ""


class OracleFiring(NamedTuple):
    """A rule that fired: by sequence and rule id they are in order. named: the sequence in its id."""

    sequence: int
    id: str
    price: Decimal
    event_time_us: int
    value: Decimal
    named: int


def expected_firings(
    rules: Iterable[OracleRule], ticks: Sequence[OracleTick], out_of_order_us: int = 0
) -> list[OracleFiring]:
    """Everything that fires in one partition, by sequence and rule id. out_of_order_us: as bars have it."""
    moments: dict[tuple[str, str, str], list[OracleMoment]] = {}
    firings: list[OracleFiring] = []
    with localcontext(EXACT):
        for rule in rules:
            key = rule.series, rule.window, rule.symbol
            if key not in moments:
                moments[key] = list(moments_of(*key, ticks, out_of_order_us))
            firings += _firings_of(rule, moments[key])
    return sorted(firings)


def _threshold_of(rule: OracleRule, sign: int, before: Sequence[Decimal]) -> Decimal:
    """With the sign of what is above."""
    if rule.condition in ("rises_by", "falls_by"):
        far = sign * before[-1] * (100 + sign * rule.threshold) / 100
        # A price is a whole number of units, so the first one that is as far or farther counts.
        return far.quantize(UNIT, ROUND_CEILING)
    if rule.series in ("high", "low"):  # beyond the old one, whichever way
        return max(rule.threshold, UNIT)
    # So far from the average, whichever way.
    return rule.threshold if rule.series == "vwap" else sign * rule.threshold


def _firings_of(rule: OracleRule, moments: Sequence[OracleMoment]) -> list[OracleFiring]:
    # What is below is what is above with every sign turned.
    sign = 1 if rule.condition in ("crosses_above", "above", "rises_by") else -1
    before = [each.value for each in moments if each.sequence <= rule.armed_at] if rule.series == "price" else []
    threshold = _threshold_of(rule, sign, before)
    behind = threshold - max(rule.rearm, UNIT)
    firings: list[OracleFiring] = []
    is_ready = not rule.condition.startswith("crosses") or bool(before and sign * before[-1] < threshold)
    wanted = threshold - UNIT
    silent_until_us = 0
    for moment in moments:
        if moment.sequence <= rule.armed_at or (rule.ended_at is not None and moment.sequence > rule.ended_at):
            continue
        value = sign * moment.value
        if not (value >= threshold if is_ready else value <= wanted):
            continue
        if rule.expires_at_ms and moment.time_us >= rule.expires_at_ms * 1000:
            break
        if not is_ready:
            is_ready = True
            continue
        if moment.time_us >= silent_until_us:
            firings.append(_firing(rule, moment))
            if rule.repeat == "once":
                break
            silent_until_us = moment.time_us + rule.cooldown_ms * 1000
        is_ready, wanted = False, behind
    return firings


def _firing(rule: OracleRule, moment: OracleMoment) -> OracleFiring:
    named, time_us = moment.sequence, moment.time_us
    if moment.since is not None:  # the moment at which the silence was long enough
        named, time_us = moment.since.sequence, moment.since.event_time_us + int(rule.threshold * 1_000_000)
    return OracleFiring(moment.sequence, rule.id, moment.price, time_us, moment.value, named)
