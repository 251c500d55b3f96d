"""State of core.analytics.lp as bytes, and back: equal states give equal bytes.

flows.analytics_step keeps them through recovery: windows, and the status changes that they may still ask for. Bytes of
another version are a StateIncompatible; the state is rebuilt from Kafka then.
"""

from typing import Final

from core.analytics.lp import LpDesk
from core.analytics.passing import Passing
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state, put_windows, take_windows, unpack_state

__all__ = ["restore_lp", "snapshot_lp"]

KIND: Final = "lp"
VERSION: Final = 1


def snapshot_lp(desk: LpDesk) -> bytes:
    return pack_state(
        KIND, VERSION, desk.partition, desk.next_offset, desk.time.newest_us, desk.passing.second, desk.passing.count,
        *(sorted(each.items()) for each in (desk.points, desk.statuses, desk.last, desk.down, desk.silent)),
        [put_windows(each) for each in desk.windows],
    )  # fmt: skip


def restore_lp(state: bytes, rules: DeskRules) -> LpDesk:
    """Raises StateIncompatible for what another version wrote."""
    partition, next_offset, newest_us, second, count, *known, windows = unpack_state(state, KIND, VERSION)
    points, statuses, last, down, silent = known
    desk = LpDesk(rules, partition)
    desk.next_offset, desk.time.newest_us = next_offset, newest_us
    desk.passing = Passing(rules.passed_per_second, second, count)
    desk.points = {lp: [(time_us, offset, status) for time_us, offset, status in each] for lp, each in points}
    desk.statuses, desk.silent = dict(statuses), dict(silent)
    desk.last = {lp: (time_us, offset) for lp, (time_us, offset) in last}
    desk.down = {lp: (alert_id, status, time_us) for lp, (alert_id, status, time_us) in down}
    for each, kept in zip(desk.windows, windows, strict=True):
        take_windows(each, kept)
    return desk
