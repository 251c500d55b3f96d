"""A backup of recovery state and tables that fit together, and the way back.

``tapeflow backup`` and ``restore`` call it. State is copied first and tables after it: tables then hold at least what
the state says was written, and what a flow writes again from there on has the versions that it had before and changes
nothing (docs/contract.md). Before anything is restored every file is read and held against the manifest, so a damaged
backup changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import msgspec

from jobs.backup.clickhouse_tables import (
    back_up_database,
    partitions_of,
    restore_database,
    restore_tables,
    save_rows,
)
from jobs.backup.manifest import FORMAT, MEND, Manifest, read_manifest, write_manifest
from jobs.backup.places import BackupPlace
from jobs.backup.state import flows_with_state, has_state, restore_state, save_state
from runtime.settings.whole import Settings
from schemas.errors import InputError, MissingObject, StateIncompatible
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate

__all__ = ["back_up", "checked", "chosen_flows", "restore"]

Progress = Callable[[int, int], None]
"""(done, in all): rows, or bytes while files are checked."""


def back_up(settings: Settings, place: BackupPlace, progress: Progress, server_target: str = "") -> Manifest:
    """Raises InputError when something lies at ``place``, MissingObject when there is nothing to keep.

    server_target: where ClickHouse keeps the tables itself, empty for files at ``place``.
    """
    if not place.is_empty():
        raise InputError("something lies there already", where=str(place), mend="choose a new folder for each backup")
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    flows = [save_state(settings.recovery_dir / flow, place) for flow in flows_with_state(settings.recovery_dir)]
    client, tables = connect(settings.clickhouse_dsn), []
    try:
        database = settings.clickhouse_database
        wanted = partitions_of(client, database)
        if not wanted and not flows:
            raise MissingObject(
                "there is nothing to back up: no recovery state and no rows",
                where=f"{settings.recovery_dir}, {database}",
                mend="set TAPEFLOW_RECOVERY_DIR and TAPEFLOW_CLICKHOUSE_DSN as the flows have them",
            )
        if server_target:
            back_up_database(client, database, server_target)
        else:
            count = _Count(sum(rows for _, _, rows in wanted), progress)
            tables = [save_rows(client, database, table, part, place, count.add) for table, part, _ in wanted]
    finally:
        client.disconnect()
    manifest = Manifest(
        FORMAT, version("tapeflow"), made_at, settings.clickhouse_database, flows, tables, bool(server_target)
    )
    write_manifest(place, manifest)
    return manifest


def checked(place: BackupPlace, progress: Progress) -> Manifest:
    """The manifest, once every file is what it says. Raises InputError for a damaged backup."""
    manifest = read_manifest(place)
    count = _Count(sum(file.bytes for file in manifest.files), progress)
    for file in manifest.files:
        size, digest = place.hash_of(file.path, count.add)
        if (size, digest) != (file.bytes, file.sha256):
            what = f"{size} bytes, not {file.bytes}" if size != file.bytes else "its bytes have changed"
            raise InputError(f"the backup is damaged: {what}", where=f"{place}/{file.path}", mend=MEND)
    return manifest


def chosen_flows(manifest: Manifest, names: Sequence[str]) -> Manifest:
    """With the state of those flows alone; all where none is named. Raises InputError for one that isn't in it."""
    there = {flow.flow: flow for flow in manifest.flows}
    if missing := [name for name in names if name not in there]:
        raise InputError(
            f"the backup holds no state of {', '.join(missing)}",
            where="--flows",
            mend=f"it has that of {', '.join(there) or 'none'}",
        )
    return msgspec.structs.replace(manifest, flows=[there[name] for name in names]) if names else manifest


def restore(
    settings: Settings, place: BackupPlace, manifest: Manifest, progress: Progress, server_target: str = ""
) -> int:
    """Bring back what ``checked`` gave; the rows that the tables hold of it now.

    Raises StateIncompatible when a flow has state already, before anything is written.
    """
    if manifest.server_side != bool(server_target):
        mend = "say with --by-server where" if manifest.server_side else "leave --by-server out"
        kept = "by ClickHouse itself" if manifest.server_side else "in this backup"
        raise InputError(f"the tables are kept {kept}", where=str(place), mend=mend)
    for flow in manifest.flows:
        if has_state(folder := settings.recovery_dir / flow.flow):
            raise StateIncompatible(
                "the flow has recovery state already", where=str(folder), mend="stop the flow and move the folder away"
            )
    client, database = connect(settings.clickhouse_dsn), settings.clickhouse_database
    try:
        if server_target:
            restore_database(client, database, server_target)
        migrate(client, database, ttl_days=settings.clickhouse_ttl_days)
        count = _Count(sum(each.rows for each in manifest.tables), progress)
        held = restore_tables(client, database, manifest.tables, place, count.add)
    finally:
        client.disconnect()
    # State last: a flow that starts on it finds all that the state says was written.
    for flow in manifest.flows:
        restore_state(settings.recovery_dir, flow, place)
    return held


class _Count:
    def __init__(self, total: int, progress: Progress) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, more: int) -> None:
        self._done += more
        self._progress(self._done, max(self._total, self._done))
