"""Recovery state of flows as a backup keeps it: all files of a folder as they were in one moment, also while it runs.

Readers of all files are opened first, which pins what each shows. The engine moves on meanwhile, and may have dropped
snapshots in one file that another still counts on; then its own mark of what it dropped (``commits``) is beyond the
epoch from which the flow would resume, and all are opened anew. Offsets are told for people; nothing is done with them.
Putting state back needs a folder that isn't there, so that no state is ever overwritten.
"""

import io
import os
import pickle
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from jobs.backup.manifest import BackupFile, FlowState
from jobs.backup.places import BackupPlace
from processes.recovery import DESCRIPTION, resume_epoch
from processes.recovery_access import check_private, open_private
from schemas.errors import InputError, StateIncompatible
from schemas.shards import partition_of

__all__ = ["flows_with_state", "has_state", "restore_state", "save_state"]

FOLDER: Final = "recovery"
PARTS: Final = "part-*.sqlite3"
TRIES: Final = 50
LOCKED_S: Final = 5.0
CHUNK_BYTES: Final = 1 << 20


def flows_with_state(recovery_dir: Path) -> list[str]:
    """Names of the flows whose state lies there, in order. Raises SettingError when others can write to it."""
    if not recovery_dir.is_dir():
        return []
    found = sorted(path.parent for path in recovery_dir.glob(f"*/{DESCRIPTION}"))
    for folder in found:
        check_private(folder)
    return [folder.name for folder in found]


def save_state(folder: Path, place: BackupPlace) -> FlowState:
    """``folder``: recovery state of one flow. Raises StateIncompatible when no consistent moment can be had."""
    files, offsets = [], {}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".backup-") as aside, _pinned(folder) as parts:
        resume = resume_epoch([part for _, part in parts])
        for name, part in parts:
            offsets.update(_offsets(part, resume))
            copy = Path(aside) / name
            with closing(sqlite3.connect(copy)) as target:
                part.backup(target)
            files.append(_put(place, f"{FOLDER}/{folder.name}/{name}", copy))
            copy.unlink()
    files.append(_put(place, f"{FOLDER}/{folder.name}/{DESCRIPTION}", folder / DESCRIPTION))
    return FlowState(folder.name, dict(sorted(offsets.items())), files)


def has_state(folder: Path) -> bool:
    return (folder / DESCRIPTION).exists() or any(folder.glob(PARTS))


def restore_state(recovery_dir: Path, state: FlowState, place: BackupPlace) -> None:
    """Put the flow's folder back, which mustn't be there."""
    folder = recovery_dir / state.flow
    open_private(recovery_dir, folder)
    # The description last: without it a flow takes no part for its own.
    for file in sorted(state.files, key=lambda each: each.path.endswith(DESCRIPTION)):
        name = Path(file.path).name
        place.copy_out(file.path, folder / f"{name}.new")
        os.replace(folder / f"{name}.new", folder / name)


@contextmanager
def _pinned(folder: Path) -> Iterator[list[tuple[str, sqlite3.Connection]]]:
    for _ in range(TRIES):
        with ExitStack() as opened:
            parts = []
            try:
                for path in sorted(folder.glob(PARTS)):
                    part = opened.enter_context(closing(sqlite3.connect(path, timeout=LOCKED_S)))
                    part.execute("BEGIN")
                    part.execute("SELECT count(*) FROM parts").fetchone()
                    parts.append((path.name, part))
                consistent = _is_consistent([part for _, part in parts])
            except sqlite3.Error as error:
                raise StateIncompatible(f"the recovery state can't be read: {error}", where=str(folder)) from error
            if consistent:
                yield parts
                return
    raise StateIncompatible(
        "the flow moves on too fast to be copied", where=str(folder), mend="stop it, or try again with less load"
    )


def _is_consistent(parts: list[sqlite3.Connection]) -> bool:
    """Whether no file has dropped what the others would resume from."""
    dropped = [epoch for part in parts for (epoch,) in part.execute("SELECT commit_epoch FROM commits")]
    return max(dropped, default=0) <= resume_epoch(parts)


def _offsets(part: sqlite3.Connection, resume: int) -> dict[str, int]:
    """Next offsets in the newest snapshots that count."""
    found = {}
    query = (
        "SELECT state_key, ser_change, MAX(snap_epoch) FROM snaps WHERE snap_epoch < ? AND ser_change IS NOT NULL"
        " GROUP BY step_id, state_key"
    )
    for key, data, _ in part.execute(query, (resume,)):
        state = _plain(data)
        if isinstance(state, dict) and "next_offset" in state and "topic" in state:
            found[f"{state['topic']}[{partition_of(key)}]"] = int(state["next_offset"])
    return found


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, _module: str, name: str) -> Callable[..., Any]:
        raise pickle.UnpicklingError(name)


def _plain(data: bytes) -> object:
    """A state of plain values, None for any other: nothing of it is run."""
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except (pickle.UnpicklingError, EOFError, ValueError):
        return None


def _put(place: BackupPlace, path: str, source: Path) -> BackupFile:
    with place.writing(path) as file, source.open("rb") as data:
        while chunk := data.read(CHUNK_BYTES):
            file.write(chunk)
    if not file.size:
        raise InputError("a file of recovery state is empty", where=str(source))
    return BackupFile(path, file.size, file.sha256)
