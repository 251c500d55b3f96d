"""Progress of a replay is whole whenever it is read, and nothing is no progress."""

import threading
from pathlib import Path

import pytest

from flows.replay_progress import PartitionProgress, read_progress, write_progress
from schemas.errors import StorageFailed


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    assert read_progress(tmp_path, 3) is None
    write_progress(tmp_path, PartitionProgress(3, 10, read=10))
    write_progress(tmp_path, PartitionProgress(3, 20, read=20, done=True))
    assert read_progress(tmp_path, 3) == PartitionProgress(3, 20, read=20, done=True)
    assert read_progress(tmp_path, 4) is None
    assert [path.name for path in tmp_path.iterdir()] == ["progress-3.json"]


def test_a_reader_never_sees_half_of_one(tmp_path: Path) -> None:
    def write() -> None:
        for offset in range(300):
            write_progress(tmp_path, PartitionProgress(0, offset, read=offset))

    writer = threading.Thread(target=write)
    writer.start()
    seen = [0]
    while writer.is_alive():
        found = read_progress(tmp_path, 0)
        if found is not None:
            assert found.read == found.next_offset >= seen[-1]
            seen.append(found.next_offset)
    writer.join()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises((StorageFailed, OSError)):
        write_progress(tmp_path / "none", PartitionProgress(0, 1))
