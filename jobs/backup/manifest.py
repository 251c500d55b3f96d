"""What a backup says of itself: version, offsets, tables, and the size and hash of every file.

``tapeflow backup`` writes it last, so a backup without one was broken off. Beside it stands its own hash. ``restore``
reads it first, and a manifest that is damaged, missing or of a newer layout is refused in one line.
"""

from hashlib import sha256
from typing import Final

import msgspec

from jobs.backup.places import BackupPlace
from schemas.errors import InputError, StateIncompatible

__all__ = ["FORMAT", "BackupFile", "FlowState", "Manifest", "TableRows", "read_manifest", "write_manifest"]

FORMAT: Final = 1
NAME: Final = "manifest.json"
HASH: Final = "manifest.json.sha256"
MEND: Final = "take another backup: this one can't be trusted"


class BackupFile(msgspec.Struct, frozen=True):
    """``path``: within the backup; ``sha256``: of its bytes, in hex."""

    path: str
    bytes: int
    sha256: str


class FlowState(msgspec.Struct, frozen=True):
    """A flow's recovery folder. ``offsets``: of each topic and partition (``trades[0]``), where the flow goes on."""

    flow: str
    offsets: dict[str, int]
    files: list[BackupFile]


class TableRows(msgspec.Struct, frozen=True):
    """One partition of a table, as a Parquet file; ``rows`` after merging."""

    table: str
    partition: str
    rows: int
    file: BackupFile


class Manifest(msgspec.Struct, frozen=True):
    """``version``: of tapeflow; ``made_at``: ISO time; ``server_side``: whether ClickHouse keeps the tables itself."""

    format: int
    version: str
    made_at: str
    database: str
    flows: list[FlowState]
    tables: list[TableRows]
    server_side: bool = False

    @property
    def files(self) -> list[BackupFile]:
        return [*(file for flow in self.flows for file in flow.files), *(each.file for each in self.tables)]


class _Layout(msgspec.Struct):
    """The one field that every layout has."""

    format: int
    version: str = "?"


def write_manifest(place: BackupPlace, manifest: Manifest) -> None:
    body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    place.write(NAME, body)
    place.write(HASH, f"{sha256(body).hexdigest()}  {NAME}\n".encode())


def read_manifest(place: BackupPlace) -> Manifest:
    """Raises InputError for one that is missing or damaged, StateIncompatible for one of a newer layout."""
    where = f"{place}/{NAME}"
    body, said = place.read(NAME), place.read(HASH)
    if body is None or said is None:
        raise InputError("no backup is there, or it was broken off", where=where, mend=MEND)
    if said.split(b" ")[0] != sha256(body).hexdigest().encode():
        raise InputError("the backup is damaged: the manifest isn't what was written", where=where, mend=MEND)
    try:
        layout = msgspec.json.decode(body, type=_Layout)
        if layout.format > FORMAT:
            raise StateIncompatible(
                f"the backup is of layout {layout.format}, made by tapeflow {layout.version}; known is {FORMAT}",
                where=where,
                mend="restore it with that version or a newer one",
            )
        return msgspec.json.decode(body, type=Manifest)
    except msgspec.DecodeError as error:
        raise InputError(f"the manifest can't be read: {error}", where=where, mend=MEND) from error
