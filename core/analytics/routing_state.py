"""State of core.analytics.routing as bytes, and back: equal states give equal bytes.

flows.analytics_step keeps them through recovery. Bytes of another version are a StateIncompatible, since figures can't
be guessed; the state is rebuilt from Kafka then.
"""

from typing import Final

from core.analytics.passing import Passing
from core.analytics.routing import RoutingDesk
from core.analytics.routing_watch import RoutingWatch
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state, put_windows, take_windows, unpack_state

__all__ = ["restore_routing", "snapshot_routing"]

KIND: Final = "routing"
VERSION: Final = 2


def snapshot_routing(desk: RoutingDesk) -> bytes:
    return pack_state(
        KIND, VERSION, desk.partition, desk.next_offset, desk.time.newest_us, desk.passing.second, desk.passing.count,
        [put_windows(each) for each in desk.windows],
        [[*subject, alert_id] for subject, alert_id in sorted(desk.watch.opened.items())],
    )  # fmt: skip


def restore_routing(state: bytes, rules: DeskRules) -> RoutingDesk:
    """Raises StateIncompatible for what another version wrote."""
    partition, next_offset, newest_us, second, count, windows, opened = unpack_state(state, KIND, VERSION)
    desk = RoutingDesk(rules, partition)
    desk.next_offset, desk.time.newest_us = next_offset, newest_us
    desk.passing = Passing(rules.passed_per_second, second, count)
    desk.watch = RoutingWatch(rules, {(kind, name): alert_id for kind, name, alert_id in opened})
    for each, kept in zip(desk.windows, windows, strict=True):
        take_windows(each, kept)
    return desk
