"""What the engine raised, as an error of ours: whose cause it is, or what the engine's own complaint means to a user.

processes.worker asks when a flow has failed. Bytewax wraps what a step raised in exceptions of its own; its recovery
files, kept by SQLite in native code, and its peers in a cluster fail in words only. Those words are looked up here.
"""

import re
from collections.abc import Iterator
from typing import Final

from bytewax.recovery import InconsistentPartitionsError, MissingPartitionsError, NoPartitionsError

from processes.cluster import Place
from schemas.errors import PeerGone, StateIncompatible, StorageFailed, TapeflowError
from schemas.storage import ROOM, storage_failed

__all__ = ["cause_of"]

ALONE: Final = Place(0)
RECOVERY: Final = "TAPEFLOW_RECOVERY_DIR"
STORAGE: Final = {
    # SQLite's words for its result codes, https://www.sqlite.org/rescode.html
    "database or disk is full": (StorageFailed, "the disk of the recovery folder is full", ROOM),
    "disk I/O error": (
        StorageFailed,
        "the recovery folder can't be written: disk I/O error",
        "look whether its disk is full, read-only or failing, then start again",
    ),
    "attempt to write a readonly database": (
        StorageFailed,
        "the recovery folder is read-only",
        "give the flow's user the right to write there, or set another",
    ),
    "unable to open database file": (
        StorageFailed,
        "a file of the recovery folder can't be opened",
        "look at its rights and whether its disk is full or away",
    ),
    "database disk image is malformed": (
        StateIncompatible,
        "a file of the recovery folder is damaged",
        "move the folder away and start again; the state is rebuilt from Kafka",
    ),
    "file is not a database": (
        StateIncompatible,
        "a file of the recovery folder is damaged",
        "move the folder away and start again; the state is rebuilt from Kafka",
    ),
    "database is locked": (
        StateIncompatible,
        "another process holds the recovery folder",
        "stop it, or give this one another",
    ),
}
PEER_GONE: Final = re.compile(
    r"(Send|Recv|Receive) thread panic|Broken ?pipe|Connection ?reset|UnexpectedEof|failed to fill whole buffer"
    r"|worker panicked",
    re.IGNORECASE,
)


def cause_of(error: BaseException | None, native: str = "", place: Place = ALONE) -> TapeflowError | None:
    """The TapeflowError behind ``error``, or what its words or those of native code say; None when nobody knows."""
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, TapeflowError):
            return each
        if isinstance(each, NoPartitionsError | MissingPartitionsError | InconsistentPartitionsError):
            return StateIncompatible(
                f"the recovery state isn't whole: {each}",
                where=RECOVERY,
                mend="bring its files back, or move the folder away: the state is rebuilt from Kafka",
            )
        if isinstance(each, OSError) and (failed := storage_failed(each)) is not None:
            return failed
    words = "\n".join([*(str(each) for each in chain), native])
    for said, (kind, what, mend) in STORAGE.items():
        if said in words:
            return kind(what, where=RECOVERY, mend=mend)
    if len(place.addresses) > 1 and PEER_GONE.search(words):
        return PeerGone(
            "another process of this flow ended, so this one did",
            where=f"process {place.process} of {len(place.addresses)}",
            mend="its own last line says why",
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
