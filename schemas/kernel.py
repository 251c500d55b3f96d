"""The one door to the compiler: marks a function as a compiled kernel.

Decoders, bars and sinks use it for loops over columns. Law: a kernel touches only its arguments, never Python objects,
and gives the same result when run as plain Python (``NUMBA_DISABLE_JIT=1``), which is how it is debugged.
Compiled code is cached beside the source, so that only the first run on a machine pays for it.
"""

from collections.abc import Callable
from typing import Any, cast

import numba

__all__ = ["inline_kernel", "kernel"]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` on first call, without the GIL, and keep the result on disk."""
    return cast(Callable[..., Any], numba.njit(cache=True, nogil=True)(function))


def inline_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``kernel``, for small arithmetic that callers should absorb."""
    return cast(Callable[..., Any], numba.njit(cache=True, nogil=True, inline="never")(function))
