"""Windows of figures as plain lists for recovery state, and back: equal windows give equal bytes.

The states of core.analytics are made of these and packed by their own modules. Figures are dataclasses of whole
numbers, texts, pairs and counts by bucket; a whole number beyond 64 bits stands as text.
"""

from dataclasses import fields
from typing import Any, Final, TypeVar

import msgspec

from core.analytics.windows import Window, Windows
from schemas.errors import StateIncompatible

__all__ = ["pack_state", "put_windows", "take_windows", "unpack_state"]

WIDE: Final = 1 << 63
K = TypeVar("K")
C = TypeVar("C")


def pack_state(kind: str, version: int, *parts: Any) -> bytes:
    return msgspec.msgpack.encode([kind, version, *parts])


def unpack_state(state: bytes, kind: str, version: int) -> list[Any]:
    """The parts. Raises StateIncompatible for what another version wrote, or of another kind."""
    found: list[Any] = msgspec.msgpack.decode(state)
    if found[:2] != [kind, version]:
        raise StateIncompatible(
            f"the recovery state is of {found[0]}, version {found[1]}, not of {kind}, version {version}",
            where="TAPEFLOW_RECOVERY_DIR",
            mend="move the folder away and start again; the state is rebuilt from Kafka",
        )
    return found[2:]


def put_windows(windows: Windows[K, C]) -> list[Any]:
    return [
        [each.start_us, each.version, each.revision, each.sampled, sorted(map(_listed, each.changed)),
         [[_listed(key), _put_figures(each.cells[key])] for key in sorted(each.cells, key=str)]]
        for _, each in sorted(windows.held.items())
    ]  # fmt: skip


def take_windows(windows: Windows[K, C], kept: list[Any]) -> None:
    """Fill ``windows`` with what put_windows made."""
    for start_us, version, revision, sampled, changed, cells in kept:
        window = Window[Any, C](start_us, {}, version, revision, sampled, set(map(_key, changed)))
        for key, figures in cells:
            window.cells[_key(key)] = _take_figures(windows.new_cell(), figures)
        windows.held[start_us] = window


def _listed(key: Any) -> Any:
    return list(key) if isinstance(key, tuple) else key


def _key(listed: Any) -> Any:
    return tuple(listed) if isinstance(listed, list) else listed


def _put_figures(figures: Any) -> list[Any]:
    return [_put(getattr(figures, each.name)) for each in fields(figures)]


def _put(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value.items())
    return str(value) if isinstance(value, int) and abs(value) >= WIDE else value


def _take_figures(fresh: C, values: list[Any]) -> C:
    """``fresh``: figures of nothing, whose values say of which kind each is."""
    for each, value in zip(fields(fresh), values, strict=True):  # type: ignore[arg-type]  # a dataclass, as all figures
        setattr(fresh, each.name, type(getattr(fresh, each.name))(value))
    return fresh
