"""The one door to the compiler: marks a function as a compiled kernel.

Decoders, bars and sinks use it for loops over columns. A kernel touches only its arguments, never Python objects, and
gives the same result when run as plain Python (``NUMBA_DISABLE_JIT=1``, see kernels.plain), which is how it is
debugged. Compiled code stays on disk, so that only the first run on a machine pays for it. Each module has a folder of
its own, named by a digest of the module and of all that it imports from us: the compiler itself looks only at the file
that defines a kernel, and would go on running the old code of a kernel that this one calls from another file. An edit
costs the kernels that it can change and no others. Folders that nobody used for long are removed.
"""

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import _CacheLocator

from kernels.plain import run_plain

__all__ = ["KernelFolder", "inlined_kernel", "is_cold", "kernel", "leaf_kernel"]

P = ParamSpec("P")
R = TypeVar("R")

ROOT: Final = Path(__file__).resolve().parent.parent
IMPORTED: Final = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n]+)|import\s+([^\n]+))", re.MULTILINE)
VERSIONS_KEPT: Final = 8
"""Folders of compiled code that a module may have beside the one in use: one for each checkout and branch in work."""
IN_USE_S: Final = 3600.0
"""A folder that was used in the last hour isn't removed, since its process may still write there."""


@cache
def module_file(root: Path, module: str) -> Path | None:
    """The file of a module of ours, None for anybody else's."""
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def imports_of(root: Path, path: Path) -> frozenset[Path]:
    """The files of ours that a file names in its imports."""
    found = set()
    for source, names, plain in IMPORTED.findall(path.read_text("utf-8")):
        modules = [each.split()[0] for each in plain.split(",") if each.split()]
        if source:
            # ``from schemas import intervals`` names a module; ``from schemas.intervals import DAY`` doesn't.
            modules = [source, *(f"{source}.{name}" for name in re.findall(r"\w+", names))]
        found |= {file for module in modules if (file := module_file(root, module)) is not None}
    return frozenset(found)


@cache
def source_digest(root: Path, path: Path) -> str:
    """Digest of a file and of every file of ours that it imports, directly or not."""
    waiting, seen = [path], {path}
    while waiting:
        fresh = imports_of(root, waiting.pop()) - seen
        seen |= fresh
        waiting.extend(fresh)
    digest = hashlib.sha256()
    for each in sorted(seen):
        digest.update(each.name.encode())
        digest.update(each.read_bytes())
    return digest.hexdigest()[:16]


def private_folder(folder: Path) -> Path:
    """``folder`` if it is ours and nobody else's, else a new one beside it."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    return Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))


@cache
def cache_base() -> Path:
    """Under NUMBA_CACHE_DIR, else the user's cache folder, else a temporary one, as far as they can be written.

    What lies there is run, so a folder in a place that everybody can write to must be ours alone, or is a new one.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tapeflow"
    base = (Path(chosen) if chosen else home) / "kernels"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        return temporary_base()
    return base


@cache
def temporary_base() -> Path:
    base = private_folder(Path(tempfile.gettempdir()) / f"tapeflow-{os.getuid()}") / "kernels"
    base.mkdir(exist_ok=True)
    return base


def module_folder(root: Path, path: Path) -> Path:
    """Where the compiled code of a file lies."""
    name = ".".join(path.relative_to(root).with_suffix("").parts) if path.is_relative_to(root) else path.stem
    folder = cache_base() / f"{name}-{source_digest(root, path)}"
    return folder if os.access(folder.parent, os.W_OK) else copied(folder)


def copied(shipped: Path) -> Path:
    """A temporary folder with what ``shipped`` holds, which can't be written: an image's, whose root is read-only."""
    folder = temporary_base() / shipped.name
    if shipped.is_dir() and not folder.is_dir():
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        shutil.copytree(shipped, fresh, dirs_exist_ok=True)
        try:
            fresh.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def remove_unused(folder: Path) -> None:
    """Remove the longest unused folders of the module that ``folder``, made just now, is of."""
    made_at = folder.stat().st_mtime
    others = [each for each in folder.parent.glob(folder.name.rpartition("-")[0] + "-*") if each != folder]
    used_at = {}
    for each in others:
        with contextlib.suppress(OSError):  # another process was faster
            used_at[each] = each.stat().st_mtime
    for each in sorted(used_at, key=lambda other: used_at[other], reverse=True)[VERSIONS_KEPT:]:
        if used_at[each] < made_at - IN_USE_S:
            shutil.rmtree(each, ignore_errors=True)


@cache
def used_folder(file: str) -> Path:
    """``module_folder`` of a file, there and marked as used: once, as a file may have dozens of kernels."""
    folder = module_folder(ROOT, Path(file).resolve())
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    if is_new:
        remove_unused(folder)
    with contextlib.suppress(OSError):  # a cache that came with an image may be read-only
        os.utime(folder)
    return folder


class KernelFolder(_CacheLocator):
    """Tells the compiler where a kernel's compiled code lies (numba's CACHE_LOCATOR_CLASSES)."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self._folder = folder

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "KernelFolder":
        return cls(py_func, used_folder(py_file))

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """The same for all time: another source has another folder."""
        return self._folder.name

    def get_disambiguator(self) -> str:
        return str(self._line)


cast(Any, numba.config).CACHE_LOCATOR_CLASSES = f"{__name__}.{KernelFolder.__name__}"


def is_cold(*modules: str) -> bool:
    """Whether one of our ``modules`` has no compiled code yet from the sources as they are."""
    files = [file for module in modules if (file := module_file(ROOT, module)) is not None]
    return any(next(module_folder(ROOT, file).glob("*.nbi"), None) is None for file in files)


def _compiled(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    if cast(Any, numba.config).DISABLE_JIT:
        return run_plain(function)
    return cast(Callable[P, R], cast(Any, numba.njit)(**options)(function))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on first call, without the GIL, and keep the result on disk."""
    return _compiled(function, cache=True, nogil=True)


def leaf_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """As ``kernel``, without reference counting, for kernels that call one another many times per record.

    A leaf kernel must not make an array; its caller keeps every array alive for the whole call, as Python does for the
    arguments of the outermost kernel. Counting references to arrays passed on took five sixths of a decoder's time.
    """
    return _compiled(function, cache=True, nogil=True, _nrt=False)


def inlined_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """As ``leaf_kernel``, and always put into its caller: for a few lines that are called for each text of each record,
    where handing the arrays over costs as much as what is done with them."""
    return _compiled(function, cache=True, nogil=True, _nrt=False, forceinline=True)
