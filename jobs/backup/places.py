"""Where a backup lies: a folder of this machine or a bucket, through the same few calls.

``backup`` writes files here and ``restore`` reads them. Addresses of buckets are those of Arrow
(``s3://bucket/path?endpoint_override=host:port``), and their logins come as AWS's own tools have them
(``AWS_ACCESS_KEY_ID`` and so on). A file is hashed while it is written.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from pyarrow import fs

from schemas.errors import InputError, SettingError, StorageFailed
from schemas.storage import storage_failed

__all__ = ["BackupPlace", "CountedFile"]

SCHEME: Final = "s3://"
CHUNK_BYTES: Final = 1 << 20
OURS_ALONE: Final = 0o700


class CountedFile:
    """A file that is written, with the bytes and the hash of what went through."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self._hash = sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        self._sink.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """What is written goes out when the file is closed."""

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        """The writer of Parquet closes it; the place closes what lies behind."""
        self.closed = True

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class BackupPlace:
    """A folder, or ``s3://bucket/path``. Raises SettingError for an address that isn't understood."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self.is_folder = not address.startswith(SCHEME)
        if self.is_folder and "://" in address:
            raise SettingError("that is no place for a backup", where=address, mend="give a folder or s3://bucket/path")
        if self.is_folder:
            self._files: Any = fs.LocalFileSystem()
            self._base = str(Path(address).absolute())
            return
        try:
            self._files, self._base = fs.FileSystem.from_uri(self._address)
        except (OSError, ValueError) as error:
            raise SettingError(f"can't read that address: {error}", where=address) from error
        if not self._base:
            raise SettingError("that address names no bucket", where=address, mend="give s3://bucket/path")

    def __str__(self) -> str:
        return self._address.partition("?")[0]

    def is_empty(self) -> bool:
        with self._asking(""):
            found = self._files.get_file_info(fs.FileSelector(self._base, allow_not_found=True))
        return not found

    @contextmanager
    def writing(self, path: str) -> Iterator[CountedFile]:
        """Raises StorageFailed when it can't be written."""
        with self._asking(path, storing=True):
            if self.is_folder:
                Path(self._base).mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
                (Path(self._base) / path).parent.mkdir(parents=True, exist_ok=True)
            with self._files.open_output_stream(f"{self._base}/{path}") as sink:
                yield CountedFile(sink)

    def write(self, path: str, data: bytes) -> None:
        with self.writing(path) as file:
            file.write(data)

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None where there is none."""
        with self._asking(path):
            if self._files.get_file_info(f"{self._base}/{path}").type != fs.FileType.File:
                return None
            with self._files.open_input_stream(f"{self._base}/{path}") as source:
                return bytes(source.read())

    @contextmanager
    def opened(self, path: str) -> Iterator[Any]:
        """A file of Arrow that can be read at any place. Raises InputError when it can't."""
        with self._asking(path), self._files.open_input_file(f"{self._base}/{path}") as source:
            yield source

    def copy_out(self, path: str, target: Path) -> None:
        name = f"{self._base}/{path}"
        with self._asking(path), self._files.open_input_stream(name) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)

    def hash_of(self, path: str, on_bytes: Callable[[int], None]) -> tuple[int, str]:
        """(bytes, SHA-256 in hex). Raises InputError when it isn't there."""
        digest, size = sha256(), 0
        with self._asking(path), self._files.open_input_stream(f"{self._base}/{path}") as source:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                on_bytes(len(chunk))
        return size, digest.hexdigest()

    @contextmanager
    def _asking(self, path: str, *, storing: bool = False) -> Iterator[None]:
        where = f"{self}/{path}" if path else str(self)
        try:
            yield
        except OSError as error:
            if (failed := storage_failed(error, where)) is not None:
                raise failed from error
            said = (str(error).splitlines() or [""])[0][:200]
            if storing:
                raise StorageFailed(
                    f"can't write the backup: {said}", where=where, mend="make room, or another place"
                ) from error
            raise InputError(f"can't read the backup: {said}", where=where) from error
