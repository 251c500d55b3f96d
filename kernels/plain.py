"""Kernels without the compiler: the arithmetic that compiled code has, for kernels that run as plain Python.

The door (kernels.kernel) takes it under ``NUMBA_DISABLE_JIT=1``, for a debugger, for coverage, for changed kernels in
a test. Compiled code widens integers below 64 bits before it counts with them, wraps those of 64 bits in silence and
reads a row's fields as attributes; NumPy keeps the narrow width, warns, and wants names in brackets. So arrays and
rows are handed in as views that answer as compiled code does: no data is copied, and results are NumPy's own again.
One thing is stricter here than compiled: an index beyond the end raises IndexError.
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import numpy as np

__all__ = ["PlainArray", "PlainRow", "run_plain"]


def _read(found: Any) -> Any:
    """A value read from an array or a row, as compiled code would hold it."""
    if isinstance(found, np.ndarray):
        return found.view(PlainArray)
    if isinstance(found, np.void):
        return PlainRow(found)
    if isinstance(found, np.integer) and found.itemsize < 8:
        return int(found)
    return float(found) if isinstance(found, np.float32) else found


def _written(value: Any, kind: np.dtype[Any]) -> Any:
    """What NumPy is to store for ``value`` in a place of ``kind``: an integer's low bits, as compiled code does."""
    if isinstance(value, PlainRow):
        return value.row
    if isinstance(value, int) and kind.kind in "iu":
        bits = 8 * kind.itemsize
        low = value & ((1 << bits) - 1)
        return low - (1 << bits) if kind.kind == "i" and low >> (bits - 1) else low
    return value


class PlainArray(np.ndarray[Any, Any]):
    """A view whose values answer as those of compiled code."""

    def __getitem__(self, key: Any) -> Any:
        return _read(super().__getitem__(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, _written(value, self.dtype))


class PlainRow:
    """A row whose fields are attributes; they are those of the array it came from."""

    __slots__ = ("row",)

    row: np.void

    def __init__(self, row: np.void) -> None:
        object.__setattr__(self, "row", row)

    def __getitem__(self, name: str) -> Any:
        return _read(self.row[name])

    def __setitem__(self, name: str, value: Any) -> None:
        self.row[name] = _written(value, self.row.dtype[name])

    def __getattr__(self, name: str) -> Any:
        if name not in (self.row.dtype.names or ()):
            raise AttributeError(f"a row of {self.row.dtype.names} has no {name}")
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return f"PlainRow({dict(zip(self.row.dtype.names or (), self.row.tolist(), strict=True))})"


class _Thread(threading.local):
    """Whether a kernel runs in this thread, so that the next one is called by it."""

    is_inside = False


_thread: Final = _Thread()


def _seen(value: Any) -> Any:
    """An array or row as a view."""
    if type(value) is np.ndarray:
        return value.view(PlainArray)
    if isinstance(value, tuple):
        parts = map(_seen, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return PlainRow(value) if isinstance(value, np.void) else value


def _handed_in(value: Any) -> Any:
    """An argument from Python code: its integers have 64 bits inside."""
    if isinstance(value, tuple):
        parts = map(_handed_in, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return np.int64(value) if type(value) is int and -(1 << 63) <= value < 1 << 63 else _seen(value)


def _handed_out(value: Any) -> Any:
    """A result as compiled code gives it back: arrays, and Python's own numbers."""
    if isinstance(value, PlainArray):
        return value.view(np.ndarray)
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(_handed_out, value)) if type(value) is tuple else value


def run_plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with its arguments as views, and without a word about integers that wrap."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        if _thread.is_inside:
            return function(*map(_seen, arguments))
        _thread.is_inside = True
        try:
            with np.errstate(over="ignore"):
                return _handed_out(function(*map(_handed_in, arguments)))
        finally:
            _thread.is_inside = False

    return called
