"""Recorded sessions: raw frames with the time when each was received, one line each, plain or gzipped.

``received: frame`` is one that came, in seconds since the epoch. ``address <-> time`` says where a connection went,
``address <- time: frame`` what was sent; other lines with an address are left alone. cryptofeed records in this form.
"""

import gzip
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import SettingError

__all__ = ["Frame", "address_of", "frames"]

RECEIVED: Final = re.compile(rb"(\d{9,11}(?:\.\d{1,9})?): (.*)")
ADDRESS: Final = re.compile(rb"(wss?://\S+)")
HEAD_LINES: Final = 50
GZIP: Final = b"\x1f\x8b"


class Frame(NamedTuple):
    """One frame as it came; ``received_us``: microseconds since the epoch."""

    received_us: int
    data: bytes


def frames(path: Path) -> Iterator[Frame]:
    """The frames that were received, in the file's order. Raises SettingError for a file that can't be read."""
    for line in _lines(path):
        found = RECEIVED.fullmatch(line)
        if found is not None:
            yield Frame(int(Decimal(found[1].decode()) * 1_000_000), found[2])


def address_of(path: Path) -> str | None:
    """The WebSocket address at the head of the file; None where none stands there."""
    for number, line in enumerate(_lines(path)):
        if number == HEAD_LINES:
            break
        if not RECEIVED.fullmatch(line) and (found := ADDRESS.search(line)):
            return found[1].decode("latin-1")
    return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            for line in gzip.GzipFile(fileobj=raw) if packed else raw:
                yield line.rstrip(b"\r\n")
    except (OSError, EOFError) as error:  # of gzip too: a file that was cut off
        raise SettingError(
            f"recording can't be read: {error}", where=str(path), mend="give a recorded session"
        ) from None
