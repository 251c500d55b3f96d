"""The folder of a flow's recovery state: made whole or not at all, known by what it is of, used by one run at a time.

The worker opens it before it builds its flow. State of another flow, topic or layout is refused in one line before
anything is read or written, and so is a second worker with the same identity. All state of a cluster is kept by its
process 0; the others bring an empty folder (docs/adr/0010-process-0-keeps-the-state.md). What a crash left of an
unfinished epoch is dropped before the engine sees it, since the engine would mix it with later ones
(docs/adr/0012-drop-unfinished-epochs.md).
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec
import structlog

from processes.recovery_access import open_private
from runtime.settings.running import RunningSettings
from runtime.settings.whole import Settings
from schemas.errors import StateIncompatible, StorageFailed
from schemas.shards import part_name, shard_key
from schemas.storage import ROOM, writing

__all__ = [
    "DESCRIPTION",
    "LAYOUT",
    "check_writable",
    "drop_superseded",
    "drop_unfinished",
    "only_one",
    "resume_epoch",
    "state_folder",
]

LAYOUT: Final = 2
"""1: state under the partition's plain number, which the engine put on another worker than the source."""
OF_SEVERAL_TOPICS: Final = ("analytics",)
"""Flows that may be given another topic beside those that they have: each source knows its own by its state."""
OF_QUOTES: Final = "quotes"
DESCRIPTION: Final = "state.json"
UNFINISHED: Final = "unfinished"
STATE_STEP: Final = ".apply_trades"
"""How the ids of the steps end that keep state by key; all others keep it by part."""
UNWRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
FREE_BYTES_LEAST: Final = 1 << 20
PROBE_BYTES: Final = 1 << 16
LOCKED_S: Final = 5.0
LOCK_LOOK_S: Final = 0.05
AWAY: Final = "move the folder away and start again; the state is rebuilt from Kafka"


class Description(msgspec.Struct):
    """What stands in state.json."""

    layout: int
    flow: str
    topic: str
    partitions: int


def state_folder(settings: Settings, flow: str, process: int, make_parts: Callable[[Path, int], None]) -> Path:
    """Folder that this process hands to the engine, made if it isn't there; ``make_parts`` fills it with so many files.

    Raises StateIncompatible when it can't be used, SettingError when others can write there.
    """
    folder = settings.recovery_dir / flow
    if process:
        folder = folder / f"process-{process}"
    open_private(settings.recovery_dir, folder)
    try:
        if not process:
            topic = "" if flow in OF_SEVERAL_TOPICS else topic_of(settings, flow)
            description = Description(LAYOUT, flow, topic, settings.recovery_partitions)
            _prepare(folder, description, make_parts)
    except OSError as error:
        raise StateIncompatible(
            f"no recovery state can be kept: {error}", where=str(folder), mend="set TAPEFLOW_RECOVERY_DIR"
        ) from error
    return folder


def topic_of(settings: Settings, flow: str) -> str:
    return settings.quotes_topic if flow == OF_QUOTES else settings.kafka_topic


def drop_unfinished(folder: Path) -> int:
    """Delete the snapshots of epochs that will run again; returns how many there were.

    The engine overwrites them only for keys that are busy in the repeated epoch. A quiet key would keep the state of
    the run that crashed beside the source position of the run after it, and count records twice.
    Raises StateIncompatible when the files can't be read.
    """
    with _parts_of(folder) as parts:
        resumed = resume_epoch(parts)
        dropped = 0
        for part in parts:
            with part:
                dropped += part.execute("DELETE FROM snaps WHERE snap_epoch >= ?", (resumed,)).rowcount
    return dropped


def drop_superseded(folder: Path) -> int:
    """Delete each snapshot of which another file holds a newer one; returns how many there were.

    The engine does so within a file. A key that got another name also got another file, and two snapshots of it would
    build its part twice. Raises StateIncompatible when the files can't be read.
    """
    newest: dict[tuple[str, str], int] = {}
    with _parts_of(folder) as parts:
        for part in parts:
            for step, key, epoch in part.execute("SELECT step_id, state_key, MAX(snap_epoch) FROM snaps GROUP BY 1, 2"):
                newest[step, key] = max(epoch, newest.get((step, key), epoch))
        older = [(step, key, epoch) for (step, key), epoch in newest.items()]
        dropped = 0
        for part in parts:
            with part:
                statement = "DELETE FROM snaps WHERE step_id = ? AND state_key = ? AND snap_epoch < ?"
                dropped += part.executemany(statement, older).rowcount
    return dropped


@contextmanager
def _parts_of(folder: Path) -> Iterator[list[sqlite3.Connection]]:
    """The files of state. Raises StateIncompatible when one can't be read."""
    try:
        with ExitStack() as opened:
            paths = sorted(folder.glob("part-*.sqlite3"))
            yield [opened.enter_context(closing(sqlite3.connect(path, timeout=LOCKED_S))) for path in paths]
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in UNWRITABLE:
            raise StorageFailed(
                f"the recovery folder can't be written: {error}", where=str(folder), mend=f"{ROOM}, or choose another"
            ) from error
        raise StateIncompatible(f"the recovery state can't be read: {error}", where=str(folder), mend=AWAY) from error


def resume_epoch(parts: Sequence[sqlite3.Connection]) -> int:
    """As the engine works it out: the least frontier of the newest execution's workers."""
    executions = [row for part in parts for row in part.execute("SELECT ex_num, worker_count, resume_epoch FROM exs")]
    if not executions:
        return 0
    newest, workers, began = max(executions)
    reached = dict.fromkeys(range(workers), began)
    for part in parts:
        fronts = part.execute("SELECT worker_index, worker_frontier FROM fronts WHERE ex_num = ?", (newest,))
        for worker, frontier in fronts:
            reached[worker] = max(reached[worker], frontier)
    return int(min(reached.values()))


def check_writable(folder: Path, free_bytes: int | None = None) -> None:
    """Raises StorageFailed when no more can be kept in ``folder``, or ``free_bytes`` says that it couldn't just now.

    Of a cluster's engine that is all there is to learn about a snapshot which it couldn't write; and it gives up its
    journals as it ends, so that there is room again by then.
    """
    if free_bytes is not None and free_bytes < FREE_BYTES_LEAST:
        raise StorageFailed("the disk of the recovery folder is full", where=str(folder), mend=ROOM)
    probe = folder / f".probe-{os.getpid()}"
    try:
        with writing(folder):
            try:
                with probe.open("wb") as file:
                    file.write(bytes(PROBE_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)
    except StorageFailed as error:
        why = error.what.partition(": ")[2]
        raise StorageFailed(
            f"the recovery folder can't be written: {why}", where=error.where, mend=error.mend
        ) from error


@contextmanager
def only_one(
    settings: RunningSettings, flow: str, process: int, awaits: threading.Event | None = None
) -> Iterator[None]:
    """Holds the lock of this worker's identity. Raises StateIncompatible when another worker has it.

    With ``awaits``, a stop signal, only once that is set: a leader that lost its lease is about to end.
    """
    folder = settings.recovery_dir / flow
    open_private(settings.recovery_dir, folder)
    try:
        lock = (folder / f"process-{process}.lock").open("w")
    except OSError as error:
        raise StateIncompatible(
            f"no recovery state can be kept: {error}", where=str(folder), mend="set TAPEFLOW_RECOVERY_DIR"
        ) from error
    with lock:
        told = False
        while not _is_taken(lock):
            if awaits is None or awaits.wait(LOCK_LOOK_S):
                raise StateIncompatible(
                    f"process {process} of this flow is running already",
                    where=str(folder),
                    mend="stop it, or give this one another TAPEFLOW_RECOVERY_DIR",
                )
            if not told:
                structlog.get_logger().warning("folder_awaited", folder=str(folder), process=process)
            told = True
        yield


def _is_taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(folder: Path, wanted: Description, make_parts: Callable[[Path, int], None]) -> None:
    path, unfinished = folder / DESCRIPTION, folder / UNFINISHED
    if path.exists():
        if _found(path).layout == 1:
            _rename_parts(folder)
            _describe(path, wanted)
        _check(path, wanted)
        drop_unfinished(folder)
        drop_superseded(folder)
        return
    parts = list(folder.glob("part-*.sqlite3*"))
    if parts and not unfinished.exists():
        raise StateIncompatible("it holds recovery state that tapeflow didn't make", where=str(folder), mend=AWAY)
    # A crash in here leaves the mark, and the next start begins again: nothing has run on these parts yet.
    unfinished.touch()
    for part in parts:
        part.unlink()
    make_parts(folder, wanted.partitions)
    _describe(path, wanted)
    unfinished.unlink()


def _describe(path: Path, description: Description) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode(description))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _found(path: Path) -> Description:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Description)
    except (msgspec.DecodeError, OSError) as error:
        raise StateIncompatible(f"the recovery state can't be read: {error}", where=str(path), mend=AWAY) from error


def _rename_parts(folder: Path) -> None:
    """Bring state of layout 1 under today's names of parts and keys, where numbers stood. A crash in here is mended by
    doing it again: what has today's name keeps it."""
    renamed = 0
    with _parts_of(folder) as parts:
        for part in parts:
            with part:
                for step, old in part.execute("SELECT DISTINCT step_id, state_key FROM snaps").fetchall():
                    if not old.isdecimal():
                        continue
                    new = shard_key(int(old)) if step.endswith(STATE_STEP) else part_name(int(old))
                    part.execute("UPDATE snaps SET state_key = ? WHERE step_id = ? AND state_key = ?", (new, step, old))
                    renamed += 1
    structlog.get_logger().info("recovery_state_migrated", folder=str(folder), to_layout=LAYOUT, parts=renamed)


def _check(path: Path, wanted: Description) -> None:
    found = _found(path)
    for name in ("layout", "flow", "topic"):
        theirs, ours = getattr(found, name), getattr(wanted, name)
        if theirs != ours:
            raise StateIncompatible(
                f"the recovery state is of {name} {theirs}, not {ours}", where=str(path.parent), mend=AWAY
            )
    if found.partitions != wanted.partitions:
        structlog.get_logger().info(
            "recovery_partitions_ignored", kept=found.partitions, wanted=wanted.partitions, folder=str(path.parent)
        )
