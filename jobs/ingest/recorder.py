"""Keeps raw frames with the time when each came, in the form that ``tapeflow ingest --play`` reads.

Sessions of one venue write here. feeds.recording says what the lines mean. A name that ends in .gz is packed. Line
breaks within a frame, which JSON has between its words only, become spaces.
"""

import gzip
import time
from pathlib import Path
from typing import IO, cast

from feeds.recording import Frame
from schemas.errors import SettingError

__all__ = ["Recorder"]


class Recorder:
    """Raises SettingError where ``path`` can't be written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            opened = gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")  # noqa: SIM115 - until close
        except OSError as error:
            raise self._refused(error) from None
        self._file = cast(IO[bytes], opened)

    def opened(self, address: str) -> None:
        self._write(f"{address} <-> {time.time():.6f}".encode())

    def sent(self, address: str, text: str) -> None:
        self._write(f"{address} <- {time.time():.6f}: {text}".encode())

    def received(self, frame: Frame) -> None:
        seconds, rest = divmod(frame.received_us, 1_000_000)
        self._write(b"%d.%06d: %b" % (seconds, rest, frame.data))

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._refused(error) from None

    def _write(self, line: bytes) -> None:
        try:
            self._file.write(line.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> SettingError:
        return SettingError(
            f"recording can't be written: {error.strerror or error}", where=str(self._path), mend="choose another place"
        )
