"""Who can write recovery state runs code: new folders are ours alone, and those that others can write are refused."""

import os
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from processes.recovery import only_one, state_folder
from processes.recovery_access import check_private, open_private
from runtime.settings.whole import load_settings
from schemas.errors import SettingError, StateIncompatible

KUBERNETES = 0o2775
"""A volume under fsGroup: root's, with the pod's group, which may write."""


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o7777


def chmod(folder: Path, bits: int) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(bits)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_new_folders_are_ours_alone_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    base = tmp_path / "state"
    before = os.umask(mask)
    try:
        open_private(base, base / "live" / "process-1")
    finally:
        os.umask(before)
    assert [mode(each) for each in (base, base / "live", base / "live" / "process-1")] == [0o700] * 3


@pytest.mark.parametrize("bits", [0o700, 0o755, 0o775, KUBERNETES])
def test_what_only_we_root_or_our_group_can_write_is_taken(tmp_path: Path, bits: int) -> None:
    chmod(tmp_path / "live", bits)
    open_private(tmp_path, tmp_path / "live")
    assert mode(tmp_path / "live") == bits


@pytest.mark.parametrize(("name", "bits"), [("", 0o777), ("", 0o702), ("live", 0o777), ("live", 0o1777)])
def test_what_everybody_can_write_is_refused_with_the_mend(tmp_path: Path, name: str, bits: int) -> None:
    base = tmp_path / "a state"
    base.mkdir()
    chmod(base / name, bits)
    settings = load_settings(recovery_dir=base)
    with pytest.raises(SettingError, match="everybody can write to the recovery folder") as refused:
        state_folder(settings, "live", 0, init_db_dir)
    assert refused.value.mend == f"chmod o-w '{base / name}'"
    with pytest.raises(SettingError), only_one(settings, "live", 0):
        pass
    (base / name).chmod(bits & ~0o002)
    state_folder(settings, "live", 0, init_db_dir)


def test_folders_of_state_may_lie_where_all_have_folders(tmp_path: Path) -> None:
    """As in /tmp, where the sticky bit keeps one user from the other's folders."""
    chmod(tmp_path / "tmp", 0o1777)
    open_private(tmp_path / "tmp", tmp_path / "tmp" / "live")
    with pytest.raises(SettingError):
        check_private(tmp_path / "tmp")


@pytest.mark.parametrize("name", ["", "live"])
def test_a_folder_of_another_user_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "live").mkdir()
    if os.getuid():
        monkeypatch.setattr(os, "getuid", lambda: 4242)  # the folders are then somebody else's
    else:
        os.chown(tmp_path / name, 4242, -1)
    with pytest.raises(SettingError, match="is another user's") as refused:
        open_private(tmp_path, tmp_path / "live")
    assert "chown" in refused.value.mend


def test_a_folder_that_cannot_be_made_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateIncompatible, match="no recovery state can be kept"):
        open_private(tmp_path / "file" / "state", tmp_path / "file" / "state" / "live")
