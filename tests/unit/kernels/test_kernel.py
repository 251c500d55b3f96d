"""Compiled code is kept apart by what it was compiled from, wherever it can be written."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import pytest

from core.bars import shard_kernel
from kernels import kernel as door
from kernels.kernel import (
    KernelFolder,
    cache_base,
    is_cold,
    kernel,
    leaf_kernel,
    module_folder,
    private_folder,
    remove_unused,
    source_digest,
)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    caches = (door.module_file, door.imports_of, door.source_digest, door.cache_base, door.used_folder)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def tree(root: Path, **modules: str) -> Path:
    (root / "kernels").mkdir(parents=True)
    for name, text in modules.items():
        (root / "kernels" / f"{name}.py").write_text(text)
    return root


def digest(root: Path, name: str) -> str:
    return source_digest(root, root / "kernels" / f"{name}.py")


BARS = "import numpy as np\n\nfrom kernels.wide import (\n    add,\n    multiply,\n)\n"


def test_a_change_counts_for_the_module_and_for_those_that_import_it(tmp_path: Path) -> None:
    wide = "from kernels import limbs\n"
    before = tree(tmp_path / "a", wide=wide, limbs="ONE = 1", bars=BARS, names="FIRST = 1")
    after = tree(tmp_path / "b", wide=wide, limbs="ONE = 2", bars=BARS, names="FIRST = 1")
    assert digest(before, "limbs") != digest(after, "limbs")
    assert digest(before, "wide") != digest(after, "wide")
    assert digest(before, "bars") != digest(after, "bars")
    assert digest(before, "names") == digest(after, "names"), "what isn't imported costs nothing"


def test_two_checkouts_of_the_same_source_share_compiled_code(tmp_path: Path) -> None:
    one, two = (tree(tmp_path / name, wide="ONE = 1", bars=BARS) for name in "ab")
    assert module_folder(one, one / "kernels" / "bars.py") == module_folder(two, two / "kernels" / "bars.py")


def twice(value: int) -> int:
    return value * 2


@pytest.mark.parametrize("door_of", [kernel, leaf_kernel])
def test_code_compiled_on_the_first_call_is_kept_on_disk(
    door_of: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    monkeypatch.setattr(door, "cache_base", lambda: tmp_path)  # the compiler would read all its settings anew
    compiled = door_of(twice)
    assert not list(tmp_path.rglob("*.nbi"))
    assert compiled(21) == 42
    (index,) = tmp_path.rglob("*.nbi")
    assert index.parent == module_folder(door.ROOT, Path(__file__))
    used_at = index.parent.stat().st_mtime
    os.utime(index.parent, (1, 1))
    door.used_folder.cache_clear()  # as another process
    assert door_of(twice)(4) == 8, "read from there"
    assert index.parent.stat().st_mtime >= used_at, "who uses a folder says so"


def test_without_the_compiler_a_kernel_is_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert kernel(twice)(21) == 42
    assert not hasattr(kernel(twice), "py_func")


@pytest.mark.compiled
def test_the_compiler_uses_that_folder() -> None:
    assert numba.config.CACHE_LOCATOR_CLASSES == "kernels.kernel.KernelFolder"
    locator = KernelFolder.from_function(shard_kernel.apply_trades.py_func, shard_kernel.__file__)
    assert Path(locator.get_cache_path()).name.startswith("core.bars.shard_kernel-")
    assert shard_kernel.apply_trades._cache.cache_path == locator.get_cache_path()


def test_a_folder_that_cannot_be_written_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert cache_base().is_dir()
    assert blocked not in cache_base().parents


def test_what_came_with_a_read_only_image_is_used_and_added_to_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    monkeypatch.setattr(door, "cache_base", lambda: shipped)
    door.used_folder.cache_clear()
    assert kernel(twice)(21) == 42
    there = sorted(shipped.rglob("*"))
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write anywhere, but there
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    door.temporary_base.cache_clear()
    door.used_folder.cache_clear()
    again = kernel(twice)
    folder = module_folder(door.ROOT, Path(__file__))
    assert not folder.is_relative_to(shipped)
    assert len(list(folder.glob("*.nbi"))) == 1
    assert (again(4), again(1.5)) == (8, 3.0)
    assert sorted(shipped.rglob("*")) == there
    assert not [each for each in folder.parent.iterdir() if each != folder], "nothing is left of the copying"
    door.temporary_base.cache_clear()
    door.used_folder.cache_clear()


def test_who_copies_later_takes_what_another_process_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, base = tmp_path / "shipped" / "core.wide-1", tmp_path / "base"
    shipped.mkdir(parents=True)
    base.mkdir()
    (shipped / "index").write_text("shipped")
    monkeypatch.setattr(door, "temporary_base", lambda: base)
    copytree = shutil.copytree

    def slowly(source: Path, fresh: Path, **options: bool) -> None:
        monkeypatch.setattr(shutil, "copytree", copytree)
        assert door.copied(shipped) == base / shipped.name
        copytree(source, fresh, **options)

    monkeypatch.setattr(shutil, "copytree", slowly)
    assert door.copied(shipped) == base / shipped.name
    assert [each.name for each in base.iterdir()] == [shipped.name]
    assert (base / shipped.name / "index").read_text() == "shipped"


def test_old_folders_are_removed_but_never_one_that_may_be_in_use(tmp_path: Path) -> None:
    old = [tmp_path / f"core.wide-{number:02}" for number in range(12)]
    for age, folder in enumerate(old):
        folder.mkdir()
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    used, other = tmp_path / "core.wide-99", tmp_path / "core.names-01"
    used.mkdir()
    other.mkdir()
    os.utime(other, (1, 1))
    made = tmp_path / "core.wide-new"
    made.mkdir()
    remove_unused(made)
    assert [folder.name for folder in old if folder.exists()] == [f"core.wide-{number:02}" for number in range(7)]
    assert used.exists()
    assert other.exists(), "another module's"
    made_at = made.stat().st_mtime
    for folder in (each for each in (*old, used) if each.exists()):
        os.utime(folder, (made_at, made_at))
    for number in range(3):
        (tmp_path / f"core.wide-more{number}").mkdir()
    remove_unused(made)
    assert len(list(tmp_path.glob("core.wide-*"))) == 7 + 1 + 1 + 3, "all were used in the last hour"


def test_cold_is_a_module_without_compiled_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert is_cold("kernels.wide")
    folder = module_folder(door.ROOT, door.ROOT / "kernels" / "wide.py")
    folder.mkdir(parents=True)
    (folder / "wide.add-1.py311.nbi").write_bytes(b"")
    assert not is_cold("kernels.wide")
    assert is_cold("kernels.wide", "kernels.names")


def test_a_folder_that_others_may_write_to_is_not_taken(tmp_path: Path) -> None:
    assert private_folder(tmp_path / "ours") == tmp_path / "ours"
    assert private_folder(tmp_path / "ours") == tmp_path / "ours"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    (tmp_path / "file").write_text("")
    for name in ("theirs", "link", "file"):
        made = private_folder(tmp_path / name)
        assert made != tmp_path / name
        assert made.stat().st_mode & 0o777 == 0o700
