"""What users' rules should have fired, recomputed: one state machine a rule, in plain Python on ``decimal``.

Tests and the proof hand in the applied trades by sequence, and what the armed log says: each rule and the sequence
behind which it counts. It shares no code with core.alerts. A rule that crosses above fires at a price at or above the
threshold while that of the trade before was below; ``above`` needs no trade before. After a firing ``once`` is over;
``every`` needs a price at or below threshold - rearm first. While a cooldown lasts, what would fire is passed over, and
needs the way back as well. From its expiry on, in event time, a rule is over. What is below mirrors what is above. A
rule that rises or falls by a percentage is above or below the price so far from the last one at its arming.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Context, Decimal, localcontext
from typing import Final, Literal, NamedTuple

__all__ = ["OracleFiring", "OracleRule", "OracleTick", "expected_firings"]

UNIT: Final = Decimal(1).scaleb(-10)
# Prices of 28 digits and a unit beside them: nothing below is ever rounded by accident.
EXACT: Final = Context(prec=200)


class OracleTick(NamedTuple):
    """One trade that was applied."""

    sequence: int
    event_time_us: int
    symbol: str
    price: Decimal


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


class OracleFiring(NamedTuple):
    """A rule that fired: by sequence and rule id they are in order."""

    sequence: int
    id: str
    price: Decimal
    event_time_us: int


def expected_firings(rules: Iterable[OracleRule], ticks: Sequence[OracleTick]) -> list[OracleFiring]:
    """Everything that fires, by sequence and rule id."""
    by_symbol: dict[str, list[OracleTick]] = {}
    for tick in ticks:
        by_symbol.setdefault(tick.symbol, []).append(tick)
    with localcontext(EXACT):
        return sorted(firing for rule in rules for firing in _firings_of(rule, by_symbol.get(rule.symbol, ())))


def _firings_of(rule: OracleRule, ticks: Sequence[OracleTick]) -> list[OracleFiring]:
    # What is below is what is above with every sign turned.
    sign = 1 if rule.condition in ("crosses_above", "above", "rises_by") else -1
    before = [tick.price for tick in ticks if tick.sequence <= rule.armed_at]
    threshold = sign * rule.threshold
    if rule.condition in ("rises_by", "falls_by"):
        threshold = sign * before[-1] * (100 + sign * rule.threshold) / 100
        # A price is a whole number of units, so the first one that is as far or farther counts.
        threshold = threshold.quantize(UNIT, ROUND_CEILING)
    behind = threshold - max(rule.rearm, UNIT)
    firings: list[OracleFiring] = []
    is_ready = not rule.condition.startswith("crosses") or bool(before and sign * before[-1] < threshold)
    wanted = threshold - UNIT
    silent_until_us = 0
    for tick in ticks:
        if tick.sequence <= rule.armed_at or (rule.ended_at is not None and tick.sequence > rule.ended_at):
            continue
        price = sign * tick.price
        if not (price >= threshold if is_ready else price <= wanted):
            continue
        if rule.expires_at_ms and tick.event_time_us >= rule.expires_at_ms * 1000:
            break
        if not is_ready:
            is_ready = True
            continue
        if tick.event_time_us >= silent_until_us:
            firings.append(OracleFiring(tick.sequence, rule.id, tick.price, tick.event_time_us))
            if rule.repeat == "once":
                break
            silent_until_us = tick.event_time_us + rule.cooldown_ms * 1000
        is_ready, wanted = False, behind
    return firings
