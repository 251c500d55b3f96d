"""State of core.analytics.routing as bytes, and back: equal states give equal bytes.

flows.analytics_step keeps them through recovery. Whole numbers beyond 64 bits stand as text. Bytes of another version
are a StateIncompatible, since figures can't be guessed; the state is rebuilt from Kafka then.
"""

from typing import Any, Final

import msgspec

from core.analytics.routing import RoutingDesk
from core.analytics.rules import DeskRules
from core.analytics.windows import Window
from schemas.desk import RoutingFigures
from schemas.errors import StateIncompatible

__all__ = ["STATE_VERSION", "restore_routing", "snapshot_routing"]

STATE_VERSION: Final = 1
WIDE: Final = ("volume", "spread_sum", "slippage_sum", "execution_us_sum")
NARROW: Final = ("count", "execution_us_max", "favourable", "adverse", "version")
SKETCHES: Final = ("execution", "spread", "slippage")


def snapshot_routing(desk: RoutingDesk) -> bytes:
    windows = [
        [_window(window) for _, window in sorted(windows.held.items())]
        for windows in desk.windows
    ]  # fmt: skip
    whole = [STATE_VERSION, desk.partition, desk.next_offset, desk.time.newest_us, desk.second, desk.passed, windows]
    return msgspec.msgpack.encode(whole)


def restore_routing(state: bytes, rules: DeskRules) -> RoutingDesk:
    """Raises StateIncompatible for what another version wrote."""
    version, *rest = msgspec.msgpack.decode(state)
    if version != STATE_VERSION:
        raise StateIncompatible(
            f"the recovery state of routing has version {version}, not {STATE_VERSION}",
            where="TAPEFLOW_RECOVERY_DIR",
            mend="move the folder away and start again; the state is rebuilt from Kafka",
        )
    partition, next_offset, newest_us, second, passed, held = rest
    desk = RoutingDesk(rules, partition)
    desk.next_offset, desk.time.newest_us, desk.second, desk.passed = next_offset, newest_us, second, passed
    for windows, kept in zip(desk.windows, held, strict=True):
        windows.held = {window[0]: _restored(*window) for window in kept}
    return desk


def _window(window: Window[tuple[str, str, str], RoutingFigures]) -> list[Any]:
    cells = [[*key, *_cell(window.cells[key])] for key in sorted(window.cells)]
    return [window.start_us, window.version, window.revision, window.sampled, sorted(window.changed), cells]


def _cell(figures: RoutingFigures) -> list[Any]:
    return [
        [str(getattr(figures, name)) for name in WIDE],
        [getattr(figures, name) for name in NARROW],
        [sorted(getattr(figures, name).items()) for name in SKETCHES],
    ]


def _restored(
    start_us: int, version: int, revision: int, sampled: int, changed: list[list[str]], cells: list[Any]
) -> Window[tuple[str, str, str], RoutingFigures]:
    window = Window[tuple[str, str, str], RoutingFigures](start_us, {}, version, revision, sampled)
    window.changed = {(symbol, lp, decision) for symbol, lp, decision in changed}
    for symbol, lp, decision, wide, narrow, sketches in cells:
        window.cells[symbol, lp, decision] = RoutingFigures(
            **dict(zip(WIDE + NARROW + SKETCHES, [*map(int, wide), *narrow, *map(dict, sketches)], strict=True))
        )
    return window
