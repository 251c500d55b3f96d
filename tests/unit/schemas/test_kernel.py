"""Compiled code is kept apart by what it was compiled from, wherever it can be written."""

from pathlib import Path

import numba
import pytest

from schemas.kernel import cache_folder, source_digest


def tree(root: Path, text: str) -> Path:
    (root / "core").mkdir(parents=True)
    (root / "core" / "wide.py").write_text(text)
    return root


def test_a_change_in_any_kernel_changes_the_folder_of_all(tmp_path: Path) -> None:
    before, after = tree(tmp_path / "a", "ONE = 1"), tree(tmp_path / "b", "ONE = 2")
    assert source_digest(before) != source_digest(after)
    assert source_digest(before) == source_digest(tree(tmp_path / "c", "ONE = 1"))


def test_the_compiler_uses_that_folder() -> None:
    assert Path(numba.config.CACHE_DIR).name == cache_folder().name


def test_a_folder_that_cannot_be_written_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert cache_folder().is_dir()
    assert blocked not in cache_folder().parents
