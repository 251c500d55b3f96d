"""First bytes say what a file is, whatever it is called."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.files.magic import HEAD_BYTES, Content, content_of, refuse_foreign
from schemas.errors import InputError


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.csv"), "a")
    return file.getvalue()


def table(kind: str) -> bytes:
    file, rows = io.BytesIO(), pa.table({"a": [1]})
    if kind == "parquet":
        pq.write_table(rows, file)
    else:
        with (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(file, rows.schema) as writer:
            writer.write_table(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "content"),
    [
        (b"", Content.EMPTY),
        (b"symbol,price\n", Content.TEXT),
        (gzip.compress(b"a", mtime=0), Content.GZIP),
        (bz2.compress(b"a"), Content.BZIP2),
        (bz2.compress(b""), Content.BZIP2),
        (b"BZhello,price", Content.TEXT),
        (lzma.compress(b"a"), Content.XZ),
        (pa.compress(b"a", codec="zstd", asbytes=True), Content.ZSTD),
        (b"\x50\x2a\x4d\x18rest", Content.ZSTD),
        (pa.compress(b"a", codec="lz4", asbytes=True), Content.LZ4),
        (zipped(), Content.ZIP),
        (table("parquet"), Content.PARQUET),
        (table("file"), Content.ARROW_FILE),
        (table("stream"), Content.ARROW_STREAM),
        (zlib.compress(b"a"), Content.FOREIGN),
        (b"SQLite format 3\0", Content.FOREIGN),
    ],
)
def test_contents(head: bytes, content: Content) -> None:
    assert content_of(head[:HEAD_BYTES]) is content


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("head", "what"),
    [(tar(), "a tar archive"), (b"<!DOCTYPE html>", "a web page"), (b"Obj\x01rest", "an Avro file"), (b"ORC", "ORC")],
)
def test_a_format_that_is_known_and_not_read_says_how_to_go_on(head: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what) as refused:
        refuse_foreign(head[:HEAD_BYTES], "trades.csv")
    assert refused.value.where == "trades.csv"
    assert refused.value.mend
    refuse_foreign(b"symbol,price\n", "trades.csv")


def test_two_bytes_of_text_are_no_zlib_stream() -> None:
    assert content_of(b"x\x01") is Content.TEXT
