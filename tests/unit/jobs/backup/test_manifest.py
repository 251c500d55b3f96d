"""A manifest is read back as it was written, and refused when it is missing, changed or of a newer layout."""

from pathlib import Path

import msgspec
import pytest

from jobs.backup.manifest import FORMAT, BackupFile, FlowState, Manifest, TableRows, read_manifest, write_manifest
from jobs.backup.places import BackupPlace
from schemas.errors import InputError, StateIncompatible

FILE = BackupFile("recovery/live/part-0.sqlite3", 3, "ab")
MANIFEST = Manifest(
    FORMAT, "0.3.0", "2026-01-31T00:00:00+00:00", "market", [FlowState("live", {"trades[0]": 7}, [FILE])],
    [TableRows("bars", "2026", 2, FILE)],
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> BackupPlace:
    place = BackupPlace(str(tmp_path / "backup"))
    write_manifest(place, MANIFEST)
    return place


def test_it_is_read_back(place: BackupPlace) -> None:
    assert read_manifest(place) == MANIFEST
    assert MANIFEST.files == [FILE, FILE]


def test_one_changed_digit_is_seen(place: BackupPlace, tmp_path: Path) -> None:
    path = tmp_path / "backup" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"rows": 2', b'"rows": 3'))
    with pytest.raises(InputError, match="damaged"):
        read_manifest(place)


@pytest.mark.parametrize("lost", ["manifest.json", "manifest.json.sha256"])
def test_one_that_is_missing_is_no_backup(place: BackupPlace, tmp_path: Path, lost: str) -> None:
    (tmp_path / "backup" / lost).unlink()
    with pytest.raises(InputError, match="broken off"):
        read_manifest(place)


def test_a_newer_layout_is_refused_by_its_version_whatever_else_it_holds(tmp_path: Path) -> None:
    newer = BackupPlace(str(tmp_path / "newer"))
    changed = msgspec.structs.replace(MANIFEST, format=FORMAT + 1, version="9.1.0")
    write_manifest(newer, changed)
    with pytest.raises(StateIncompatible, match=r"layout 2, made by tapeflow 9\.1\.0"):
        read_manifest(newer)
