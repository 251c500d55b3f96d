"""The one door to the compiler: marks a function as a compiled kernel.

Decoders, bars and sinks use it for loops over columns. Law: a kernel touches only its arguments, never Python
objects, and gives the same result when run as plain Python (``NUMBA_DISABLE_JIT=1``), which is how it is debugged.
Compiled code stays on disk, so that only the first run on a machine pays for it. The surprise: the folder of compiled
code is named by a digest of our sources. The compiler itself looks only at the file that defines a kernel, and would
go on running the old code of a kernel that this one calls from another file.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import numba

__all__ = ["is_cold", "kernel", "leaf_kernel"]

PACKAGES: Final = ("schemas", "core", "connectors", "sinks", "local")


def source_digest(root: Path) -> str:
    """Digest of every Python file in the packages that hold kernels."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Under NUMBA_CACHE_DIR, else the user's cache folder, else a temporary one, as far as they can be written."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tapeflow"
    folder = base / f"kernels-{source_digest(Path(__file__).resolve().parent.parent)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"tapeflow-{os.getuid()}" / folder.name
        folder.mkdir(parents=True, exist_ok=True)
    return folder


cast(Any, numba.config).CACHE_DIR = str(cache_folder())


def is_cold() -> bool:
    """Whether nothing was compiled yet from the sources as they are."""
    return next(cache_folder().rglob("*.nbi"), None) is None


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` on first call, without the GIL, and keep the result on disk."""
    return cast(Callable[..., Any], numba.njit(cache=True, nogil=True)(function))


def leaf_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``kernel``, without reference counting, for kernels that call one another many times per record.

    A leaf kernel must not make an array; its caller keeps every array alive for the whole call, as Python does for the
    arguments of the outermost kernel. Counting references to arrays passed on took five sixths of a decoder's time.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}  # _nrt is missing from numba's type hints
    return cast(Callable[..., Any], numba.njit(**options)(function))
