"""Recovery state in a backup: a moment that fits together, offsets, and a folder put back where none is."""

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from bytewax.recovery import init_db_dir

from jobs.backup import state as state_module
from jobs.backup.places import BackupPlace
from jobs.backup.state import flows_with_state, has_state, restore_state, save_state
from processes.recovery import state_folder
from runtime.settings.whole import load_settings
from schemas.errors import StateIncompatible
from schemas.shards import part_name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """State of live after epoch 8 of one worker, kept in two files."""
    settings = load_settings(recovery_dir=tmp_path / "recovery", recovery_partitions=2)
    folder = state_folder(settings, "live", 0, init_db_dir)
    run(folder, 0, "INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (1, 1, 1)")
    run(folder, 1, "INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (1, 0, 9)")
    for part, (partition, offset, epoch) in enumerate([(0, 70, 8), (1, 90, 8)]):
        for at, at_epoch in ((offset, epoch), (offset + 5, 9)):
            change = pickle.dumps({"topic": "trades", "next_offset": at})
            run(folder, part, "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES ('s', ?, ?, ?)",
                part_name(partition), at_epoch, change)  # fmt: skip
        run(folder, part, "INSERT INTO commits (part_index, commit_epoch) VALUES (?, 8)", part)
    return folder


def run(folder: Path, part: int, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / f"part-{part}.sqlite3")) as connection, connection:
        connection.execute(statement, values)


def test_state_comes_back_file_by_file_with_the_offsets_from_which_it_goes_on(folder: Path, tmp_path: Path) -> None:
    place = BackupPlace(str(tmp_path / "backup"))
    assert flows_with_state(tmp_path / "recovery") == ["live"]
    saved = save_state(folder, place)
    assert saved.offsets == {"trades[0]": 70, "trades[1]": 90}, "what an unfinished epoch kept doesn't count"
    there = tmp_path / "there"
    assert not has_state(there / "live")
    restore_state(there, saved, place)
    assert has_state(there / "live")
    assert (there / "live").stat().st_mode & 0o077 == 0
    settings = load_settings(recovery_dir=there, recovery_partitions=2)
    assert state_folder(settings, "live", 0, init_db_dir) == there / "live"
    for part in range(2):
        query, name = "SELECT state_key, ser_change FROM snaps WHERE snap_epoch = 8", f"part-{part}.sqlite3"
        with closing(sqlite3.connect(folder / name)) as ours, closing(sqlite3.connect(there / "live" / name)) as theirs:
            assert ours.execute(query).fetchall() == theirs.execute(query).fetchall() != []


def test_files_of_which_one_has_dropped_what_the_others_count_on_are_no_moment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "TRIES", 2)
    run(folder, 0, "UPDATE commits SET commit_epoch = 10")
    with pytest.raises(StateIncompatible, match="too fast"):
        save_state(folder, BackupPlace(str(tmp_path / "backup")))


def test_files_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "part-1.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StateIncompatible, match="can't be read"):
        save_state(folder, BackupPlace(str(tmp_path / "backup")))


def test_a_folder_without_state(tmp_path: Path) -> None:
    assert flows_with_state(tmp_path / "nowhere") == []
