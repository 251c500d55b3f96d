"""A second kind of compiled kernel, for the small kernels that call one another many times per record.

Interpreters, text readers and decimals of this package use it. Law: a leaf kernel never makes an array, and its caller
keeps every array alive for the whole call, as Python does for the arguments of the outermost kernel.
The surprise: in ordinary kernels, passing an array on counts references with atomic operations, which took five sixths
of a decoder's time; leaf kernels are compiled without reference counting.
"""

from collections.abc import Callable
from typing import Any, cast

import numba

__all__ = ["leaf_kernel"]


def leaf_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As schemas.kernel.kernel, without reference counting."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}  # _nrt is missing from numba's type hints
    return cast(Callable[..., Any], numba.njit(**options)(function))
