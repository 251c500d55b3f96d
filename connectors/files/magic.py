"""What the first bytes of a file say that it is: packed, a table of columns, text, or something that isn't read here.

Readers of files ask this and never the ending of a name, since endings are missing, wrong or in upper case.
The table of signatures follows the formats' own specifications; all stand at the beginning but that of tar.
"""

from enum import Enum
from typing import Final

from schemas.errors import InputError

__all__ = ["HEAD_BYTES", "Content", "content_of", "refuse_foreign"]

HEAD_BYTES: Final = 512


class Content(Enum):
    """The value is what messages call it."""

    EMPTY = "nothing"
    TEXT = "text"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    ZIP = "zip"
    PARQUET = "Parquet"
    ARROW_FILE = "Arrow"
    ARROW_STREAM = "Arrow stream"
    FOREIGN = "something else"


_SIGNATURES: Final = (
    (b"\x1f\x8b", Content.GZIP),
    (b"\xfd7zXZ\0", Content.XZ),
    (b"\x28\xb5\x2f\xfd", Content.ZSTD),
    (b"\x04\x22\x4d\x18", Content.LZ4),
    (b"PK\x03\x04", Content.ZIP),
    (b"PK\x05\x06", Content.ZIP),
    (b"PK\x07\x08", Content.ZIP),
    (b"PAR1", Content.PARQUET),
    (b"ARROW1\0\0", Content.ARROW_FILE),
    (b"\xff\xff\xff\xff", Content.ARROW_STREAM),
)
_FOREIGN: Final = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with 7z x"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it with unrar x"),
    (b"\x1f\x9d", "packed by compress", "unpack it with uncompress"),
    (b"\x02\x21\x4c\x18", "packed in the old lz4 format", "unpack it with lz4 -d"),
    (b"\xff\x06\x00\x00sNaPpY", "packed by snappy", "unpack it first"),
    (b"x\x01", "a zlib stream", "unpack it with zlib-flate -uncompress"),
    (b"x\x9c", "a zlib stream", "unpack it with zlib-flate -uncompress"),
    (b"x\xda", "a zlib stream", "unpack it with zlib-flate -uncompress"),
    (b"PARE", "Parquet with an encrypted footer", "write it without encryption"),
    (b"FEA1", "Feather version 1", "write it as version 2, which is Arrow"),
    (b"Obj\x01", "an Avro file", "write it as Parquet or CSV"),
    (b"ORC", "an ORC file", "write it as Parquet or CSV"),
    (b"DBN\x01", "Databento's DBN", "ask for CSV, or turn it into CSV with dbn -C"),
    (b"DBN\x02", "Databento's DBN", "ask for CSV, or turn it into CSV with dbn -C"),
    (b"DBN\x03", "Databento's DBN", "ask for CSV, or turn it into CSV with dbn -C"),
    (b"\x89HDF\r\n", "an HDF5 file", "write it as Parquet or CSV"),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet", "save it as CSV"),
    (b"%PDF", "a PDF", "give the table itself"),
    (b"<!DOCTYPE", "a web page", "the download was refused or asks for a login"),
    (b"<html", "a web page", "the download was refused or asks for a login"),
    (b"<?xml", "XML", "the download was refused, or write it as CSV"),
)
_BZIP2_BLOCKS: Final = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_TAR_AT: Final = 257


def content_of(head: bytes) -> Content:
    """What begins with ``head``, the first HEAD_BYTES bytes or all there are."""
    if not head:
        return Content.EMPTY
    for signature, content in _SIGNATURES:
        if head.startswith(signature):
            return content
    if head[:3] == b"BZh" and head[4:10] in _BZIP2_BLOCKS:
        return Content.BZIP2
    if len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        return Content.ZSTD  # a skippable frame, with which pzstd begins
    return Content.FOREIGN if _foreign(head) else Content.TEXT


def refuse_foreign(head: bytes, where: str) -> None:
    """Raise InputError, with how to mend it, when ``head`` begins a format that is known and not read."""
    found = _foreign(head)
    if found:
        what, mend = found
        raise InputError(f"{what} isn't read", where=where, mend=mend)


def _foreign(head: bytes) -> tuple[str, str] | None:
    for signature, what, mend in _FOREIGN:
        if head.startswith(signature) and not (signature == b"x\x01" and len(head) < 6):
            return what, mend
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "a tar archive", "unpack it with tar -xf, or give tar -xOf FILE | tapeflow bars -"
    return None
