"""State of core.analytics.exposure as bytes, and back: equal states give equal bytes.

flows.analytics_step keeps them through recovery. Amounts stand as text, as they may be wider than 64 bits. Bytes of
another version are a StateIncompatible; the state is rebuilt from Kafka then.
"""

from typing import Any, Final

from core.analytics.exposure import ExposureDesk
from core.analytics.passing import Passing
from core.analytics.rules import DeskRules
from core.analytics.window_state import pack_state, unpack_state

__all__ = ["restore_exposure", "snapshot_exposure"]

KIND: Final = "exposure"
VERSION: Final = 1
PLAIN: Final = (
    *("partition", "next_offset", "level", "now_us", "version", "held_us", "is_minute_told", "is_change_told"),
)
AMOUNTS: Final = ("states", "net", "gross", "peaks")


def snapshot_exposure(desk: ExposureDesk) -> bytes:
    limit = None if desk.limit is None else str(desk.limit)
    plain = [getattr(desk, name) for name in PLAIN]
    amounts = [_put(getattr(desk.book, name)) for name in AMOUNTS]
    return pack_state(KIND, VERSION, plain, desk.passing.second, desk.passing.count, limit, desk.alert, amounts)


def restore_exposure(state: bytes, rules: DeskRules) -> ExposureDesk:
    """Raises StateIncompatible for what another version wrote."""
    plain, second, count, limit, alert, amounts = unpack_state(state, KIND, VERSION)
    desk = ExposureDesk(rules)
    for name, value in zip(PLAIN, plain, strict=True):
        setattr(desk, name, value)
    desk.passing = Passing(rules.exposures_passed_per_second, second, count)
    desk.limit = None if limit is None else int(limit)
    desk.alert = (alert[0], alert[1])
    for name, kept in zip(AMOUNTS, amounts, strict=True):
        setattr(desk.book, name, {tuple(key): int(value) for key, value in kept})
    return desk


def _put(amounts: dict[Any, int]) -> list[Any]:
    return [[list(key), str(value)] for key, value in sorted(amounts.items())]
