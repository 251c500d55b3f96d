"""Which errors of the system mean that a file can't be written."""

import errno
from pathlib import Path

import pytest

from schemas.errors import StorageFailed
from schemas.storage import storage_failed, writing


def test_a_full_disk_names_the_file_and_what_to_do() -> None:
    said = r"can't write: No space left on device \(/data/a\): make room"
    with pytest.raises(StorageFailed, match=said) as caught, writing(Path("/data/a")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.exit_code == 2


def test_an_error_about_something_else_passes() -> None:
    with pytest.raises(ConnectionResetError), writing(Path("/data/a")):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_a_right_is_missing_only_where_a_file_is_named() -> None:
    assert storage_failed(PermissionError(errno.EACCES, "Permission denied")) is None
    found = storage_failed(PermissionError(errno.EACCES, "Permission denied", "/data/a"))
    assert found is not None
    assert "(/data/a): give the flow's user the right" in str(found)
    full = storage_failed(OSError(errno.ENOSPC, "No space left on device"))
    assert full is not None
    assert str(full).startswith("can't write: No space left on device: make room")
