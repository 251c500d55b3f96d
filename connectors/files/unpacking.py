"""Opens a place and takes off what it is packed in, layer by layer, as one stream of bytes.

TradeFile reads the stream; what a layer is, its first bytes say. Memory is bounded: data is unpacked as it is read, a
few megabytes at a time, whatever it claims to become. Data that is cut short, damaged or followed by other bytes
raises InputError with the layer's name, also where the library behind it would stop in silence.
"""

import gzip
import io
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from typing import IO, Any, Final

from connectors.files.magic import HEAD_BYTES, Content, content_of, refuse_foreign
from connectors.files.places import FilePlace
from schemas.errors import InputError

__all__ = ["ByteStream", "UnpackedFile", "open_place"]

LAYERS_MAX: Final = 4
_PIECE_BYTES: Final = 2**20
_ARROW_CODECS: Final = {Content.ZSTD: "zstd", Content.LZ4: "lz4", Content.BZIP2: "bz2"}


class ByteStream(io.RawIOBase):
    """Bytes of ``source``, which must have ``read``, with a look ahead. What reading it raises becomes InputError."""

    def __init__(self, source: Any, content: Content, where: str) -> None:
        super().__init__()
        self._source = source
        self._content = content
        self._where = where
        self._ahead = b""

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer only at the end; they are still to be read."""
        while len(self._ahead) < count:
            more = self._take(count - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead[:count]

    def read(self, count: int = -1) -> bytes:
        """``count`` bytes, fewer only at the end."""
        parts, left = [], count
        while left:
            if self._ahead:
                part, self._ahead = self._ahead[:left], self._ahead[left:]
            else:
                part = self._take(left)
            if not part:
                break
            if len(part) == count:
                return part
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as there is data; how many bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _take(self, count: int) -> bytes:
        try:
            return bytes(self._source.read(count))
        except gzip.BadGzipFile as error:
            what = "the gzip file is damaged, or other bytes follow its end"
            raise InputError(what, where=self._where, mend="gzip -t tests it") from error
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self._damaged() from error
        except RuntimeError as error:
            raise InputError(
                "the zip file asks for a password", where=self._where, mend="unpack it with unzip"
            ) from error
        except OSError as error:
            # Codecs complain by an OSError without a number; those of the system have one.
            if error.errno is None:
                raise self._damaged() from error
            raise InputError(f"can't be read: {error.strerror}", where=self._where) from error

    def _damaged(self) -> InputError:
        return InputError(f"the {self._content.value} file is cut short or damaged", where=self._where)


class UnpackedFile:
    """A place, opened. ``stream``: its bytes without any packing. ``packings``: what was taken off, outermost first."""

    def __init__(self, place: FilePlace) -> None:
        self.place = place
        self.packings: list[str] = []
        self._owned = ExitStack()
        try:
            self._raw = self._owned.enter_context(_open_raw(place))
            self._bytes_total = os.fstat(self._raw.fileno()).st_size if not place.is_once else 0
            self.stream = (
                self._member(place.member) if place.member else ByteStream(self._raw, Content.TEXT, place.name)
            )
            self._unpack()
        except BaseException:
            # Also for Ctrl-C: what was opened so far is closed, then the error goes on.
            self._owned.close()
            raise

    @property
    def ratio(self) -> float | None:
        """How much of the file was read, 0 to 1; None where its length isn't known."""
        if not self._bytes_total or self._raw.closed:
            return None
        return min(self._raw.tell() / self._bytes_total, 1.0)

    @property
    def content(self) -> Content:
        return content_of(self.stream.peek(HEAD_BYTES))

    def spooled(self) -> IO[bytes]:
        """The bytes as a file that can be read from any place: itself, or a temporary copy on disk."""
        if not self.packings and not self.place.is_once:
            return self._raw
        copy = self._owned.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed with the place
        try:
            shutil.copyfileobj(self.stream, copy, _PIECE_BYTES)
            copy.seek(0)
        except OSError as error:
            raise InputError(
                f"can't be unpacked to {tempfile.gettempdir()}: {error.strerror}",
                where=self.place.name,
                mend="set TMPDIR to a folder with room",
            ) from error
        return copy

    def close(self) -> None:
        self.stream.close()
        self._owned.close()

    def _unpack(self) -> None:
        where = self.place.name
        for _ in range(LAYERS_MAX + 1):
            head = self.stream.peek(HEAD_BYTES)
            refuse_foreign(head, where)
            content = content_of(head)
            if content is Content.ZIP:
                self.stream = self._spooled_zip()
            elif content is Content.GZIP:
                # gzip asks for a few kilobytes at a time.
                buffered = io.BufferedReader(self.stream, _PIECE_BYTES)
                self.stream = ByteStream(gzip.GzipFile(fileobj=buffered), content, where)
            elif content is Content.XZ:
                self.stream = ByteStream(_XzReader(self.stream), content, where)
            elif content in _ARROW_CODECS:
                self.stream = ByteStream(_arrow_reader(self.stream, _ARROW_CODECS[content]), content, where)
            else:
                return
            if content is not Content.ZIP:
                self.packings.append(content.value)
        raise InputError(f"packed more than {LAYERS_MAX} times", where=where, mend="unpack it first")

    def _spooled_zip(self) -> ByteStream:
        """The one file of a zip archive that came by a pipe or inside of another packing."""
        copy = self.spooled()
        try:
            with zipfile.ZipFile(copy) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError("the zip file is cut short or damaged", where=self.place.name) from error
        if len(names) != 1:
            raise InputError(
                f"a zip file of {len(names)} files in a pipe or a packed file", where=self.place.name,
                mend="give the archive itself",
            )  # fmt: skip
        return self._member(names[0], copy)

    def _member(self, name: str, archive_file: IO[bytes] | None = None) -> ByteStream:
        self.packings.append(Content.ZIP.value)
        try:
            archive = self._owned.enter_context(zipfile.ZipFile(archive_file or self._raw))
            return ByteStream(archive.open(name), Content.ZIP, self.place.name)
        except RuntimeError as error:
            raise InputError(
                "the zip file asks for a password", where=self.place.name, mend="unpack it with unzip"
            ) from error
        except (zipfile.BadZipFile, NotImplementedError, KeyError, OSError) as error:
            raise InputError("the zip file is cut short or damaged", where=self.place.name) from error


def open_place(place: FilePlace) -> UnpackedFile:
    """Open it. Raises InputError when it can't be read or its first bytes can't be unpacked."""
    return UnpackedFile(place)


def _open_raw(place: FilePlace) -> io.FileIO:
    try:
        # Unbuffered: reads are large, and the position is that of the data.
        return io.FileIO(os.dup(0), "rb") if place.is_stdin else io.FileIO(place.path, "rb")
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", where=place.name) from error


def _arrow_reader(stream: ByteStream, codec: str) -> Any:
    # Imported here, as most files don't need it. Unlike other bindings it tells a frame that is cut short.
    import pyarrow as pa  # noqa: PLC0415

    return pa.CompressedInputStream(pa.PythonFile(stream, "r"), codec)


class _XzReader:
    """One or more xz streams; unlike lzma.LZMAFile it doesn't take other bytes behind them for an end."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._part: lzma.LZMADecompressor | None = None
        self._fed = b""

    def read(self, count: int) -> bytes:
        while True:
            if self._part is not None and self._part.eof:
                self._fed, self._part = self._part.unused_data.lstrip(b"\0"), None
            if not self._fed and (self._part is None or self._part.needs_input):
                self._fed = self._stream.read(_PIECE_BYTES)
                if self._part is None:
                    self._fed = self._fed.lstrip(b"\0")  # padding
                if not self._fed:
                    if self._part is not None:
                        raise EOFError
                    return b""
            if self._part is None:
                self._part = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            data, self._fed = self._part.decompress(self._fed, count), b""
            if data:
                return data

    def close(self) -> None:
        self._stream.close()
