"""Files of ours that can't be written: which errors of the system mean it, and how it is mended.

Spools and progress files are written inside ``writing``; processes.engine_errors judges what other code raised. The
system's own error of a failed write names no file, so the path is added where it is known.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import StorageFailed

__all__ = ["ROOM", "storage_failed", "writing"]

ROOM: Final = "make room, then start again: what wasn't kept is read again"
_RIGHT: Final = "give the flow's user the right to write there, or choose another place"
_MENDS: Final = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: "raise the quota or make room, then start again",
    errno.EFBIG: "raise the limit of a file's size, then start again",
    errno.EROFS: "mount it for writing, or choose another place",
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EIO: "look whether its disk is failing",
}
_OF_ANYTHING: Final = frozenset({errno.EACCES, errno.EPERM, errno.EIO})
"""Sockets and terminals fail so too: these are judged only where a file is named."""


def storage_failed(error: OSError, path: Path | str = "") -> StorageFailed | None:
    """What ``error`` means for the file ``path``, or for the one that it names; None when it isn't about storage."""
    where = str(path or error.filename or "")
    if error.errno not in _MENDS or (error.errno in _OF_ANYTHING and not where):
        return None
    return StorageFailed(f"can't write: {error.strerror}", where=where, mend=_MENDS[error.errno])


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises StorageFailed for an OSError of the block that means that ``path`` can't be written."""
    try:
        yield
    except OSError as error:
        failed = storage_failed(error, path)
        if failed is None:
            raise
        raise failed from error
