"""A folder as a place of backups: bytes and hashes, what isn't there, and addresses that aren't understood."""

from hashlib import sha256
from pathlib import Path

import pytest

from jobs.backup.places import BackupPlace
from schemas.errors import InputError, SettingError, StorageFailed


def test_what_is_written_is_read_hashed_and_copied_out(tmp_path: Path) -> None:
    place = BackupPlace(str(tmp_path / "new"))
    assert place.is_empty()
    with place.writing("a/b.bin") as file:
        file.write(b"one")
        file.write(b"two")
    assert (file.size, file.sha256) == (6, sha256(b"onetwo").hexdigest())
    assert not place.is_empty()
    with place.opened("a/b.bin") as opened:
        assert place.read("a/b.bin") == opened.read() == b"onetwo"
    told: list[int] = []
    assert place.hash_of("a/b.bin", told.append) == (6, file.sha256)
    assert sum(told) == 6
    place.copy_out("a/b.bin", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"onetwo"
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0, "a backup is for its user alone"


def test_what_is_not_there(tmp_path: Path) -> None:
    place = BackupPlace(str(tmp_path))
    assert place.read("nothing") is None
    with pytest.raises(InputError, match="nothing"):
        place.hash_of("nothing", lambda _: None)


@pytest.mark.parametrize("address", ["ftp://x/y", "s3://"])
def test_no_place(address: str) -> None:
    with pytest.raises(SettingError):
        BackupPlace(address)


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="write"):
        BackupPlace(str(tmp_path / "file")).write("a", b"x")
