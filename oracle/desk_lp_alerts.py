"""Providers' alerts recomputed from their records, one by one, in plain Python.

Tests and proofs give it the records of one partition in the order of offsets. It is written from the words of
docs/analytics.md and shares nothing with core.analytics. The log shows a silence when a second of its watermark ends,
or when the provider comes back. The clock may find one that the log doesn't show; such a one is only allowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from oracle.desk_lp import OracleLpRecord, OracleLpRules

__all__ = ["OracleLpAlerts", "recompute_lp_alerts"]

SECOND_US: Final = 1_000_000


@dataclass(slots=True)
class OracleLpAlerts:
    """alerts: (id, open or resolved) in order.

    by_clock: ids of silences that the log doesn't show but the clock may have found, and whether the provider has come
    back since, which ends them.
    """

    alerts: list[tuple[str, str]] = field(default_factory=list)
    by_clock: dict[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Heard:
    """What is known of a provider. down_id: of its open alert of a status; silent_id: likewise of its silence."""

    time_us: int
    offset: int
    down_id: str = ""
    down_us: int = 0
    silent_id: str = ""


def recompute_lp_alerts(records: Iterable[OracleLpRecord], rules: OracleLpRules) -> OracleLpAlerts:
    """What the flow must have opened and ended when it has read them all."""
    found = OracleLpAlerts()
    heard: dict[str, Heard] = {}
    newest_us, second = -1, (-1 - rules.out_of_order_us) // SECOND_US
    for each in records:
        own = heard.get(each.lp)
        if own is None:
            own = heard[each.lp] = Heard(each.event_time_us, each.offset)
        elif (each.event_time_us, each.offset) > (own.time_us, own.offset):
            _come_back(found, own, each, rules)
        _tell_status(found, own, each, rules)
        newest_us = max(newest_us, each.event_time_us)
        now = (newest_us - rules.out_of_order_us) // SECOND_US
        if now > second:
            second = now
            for lp, one in sorted(heard.items()):
                if not one.silent_id and one.time_us + rules.silence_us <= newest_us:
                    _fall_silent(found, lp, each.partition, one)
        if not own.silent_id:
            found.by_clock[_silent_id(each.lp, each.partition, own)] = False
    return found


def _come_back(found: OracleLpAlerts, own: Heard, each: OracleLpRecord, rules: OracleLpRules) -> None:
    """A newer record of a provider: it isn't silent any more, and the log may show by it that it was."""
    if not own.silent_id and each.event_time_us - own.time_us >= rules.silence_us:
        _fall_silent(found, each.lp, each.partition, own)
    if own.silent_id:
        found.alerts.append((own.silent_id, "resolved"))
        own.silent_id = ""
    elif (told := _silent_id(each.lp, each.partition, own)) in found.by_clock:
        found.by_clock[told] = True
    own.time_us, own.offset = each.event_time_us, each.offset


def _tell_status(found: OracleLpAlerts, own: Heard, each: OracleLpRecord, rules: OracleLpRules) -> None:
    """Not up: an alert, one however often it comes and goes. Up for the silence bound: it is over."""
    if each.status not in rules.up:
        if not own.down_id:
            own.down_id = f"lp:{each.lp}:{each.status}:{each.partition}-{each.offset}"
            found.alerts.append((own.down_id, "open"))
        own.down_us = each.event_time_us
    elif own.down_id and each.event_time_us - own.down_us >= rules.silence_us:
        found.alerts.append((own.down_id, "resolved"))
        own.down_id = ""


def _fall_silent(found: OracleLpAlerts, lp: str, partition: int, own: Heard) -> None:
    own.silent_id = _silent_id(lp, partition, own)
    found.by_clock.pop(own.silent_id, None)
    found.alerts.append((own.silent_id, "open"))


def _silent_id(lp: str, partition: int, own: Heard) -> str:
    return f"lp:{lp}:silent:{partition}-{own.offset}"
