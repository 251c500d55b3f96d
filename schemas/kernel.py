"""The one door to the compiler: marks a function as a compiled kernel.

Decoders, bars and sinks use it for loops over columns. Law: a kernel touches only its arguments, never Python objects,
and gives the same result when run as plain Python (``NUMBA_DISABLE_JIT=1``), which is how it is debugged.
Compiled code is cached beside the source, so that only the first run on a machine pays for it.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["inline_kernel", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` on first call, without the GIL, and keep the result on disk."""
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def inline_kernel(function: F) -> F:
    """As ``kernel``, for small arithmetic that callers should absorb."""
    return cast(F, numba.njit(cache=True, nogil=True, inline="never")(function))
