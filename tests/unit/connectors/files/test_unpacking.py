"""Packings taken off by their first bytes, one inside the other too, and what each kind of damage says."""

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.files.places import FilePlace, places_of
from connectors.files.unpacking import UnpackedFile
from schemas.errors import InputError

DATA = b"".join(b"%d,AAA,%d.5,2\n" % (1_714_521_600_000_000 + index, index) for index in range(20_000))


def arrow_packed(codec: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(data)
        return bytes(sink.getvalue())

    return pack


def zipped(data: bytes, name: str = "t.csv") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return held.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": arrow_packed("zstd"),
    "lz4": arrow_packed("lz4"),
    "zip": zipped,
}


def read_all(place: FilePlace) -> tuple[bytes, list[str]]:
    opened = UnpackedFile(place)
    try:
        parts = list(iter(lambda: opened.stream.read(100_000), b""))
        return b"".join(parts), opened.packings
    finally:
        opened.close()


def place_of(folder: Path, data: bytes, name: str = "t.bin") -> FilePlace:
    path = folder / name
    path.write_bytes(data)
    (place,) = places_of(str(path))
    return place


@pytest.mark.parametrize("kind", PACKINGS)
@pytest.mark.parametrize("name", ["t.csv", "T.CSV.GZ", "t"])
def test_what_it_is_packed_in_is_told_by_its_bytes(tmp_path: Path, kind: str, name: str) -> None:
    assert read_all(place_of(tmp_path, PACKINGS[kind](DATA), name)) == (DATA, [kind])


@pytest.mark.parametrize("kind", [kind for kind in PACKINGS if kind != "zip"])
def test_several_parts_are_one_text(tmp_path: Path, kind: str) -> None:
    pack = PACKINGS[kind]
    assert read_all(place_of(tmp_path, pack(DATA) + pack(DATA))) == (DATA * 2, [kind])


def test_packings_inside_packings(tmp_path: Path) -> None:
    packed = gzip.compress(zipped(PACKINGS["zstd"](DATA)))
    assert read_all(place_of(tmp_path, packed)) == (DATA, ["gzip", "zip", "zstd"])
    for _ in range(3):
        packed = gzip.compress(packed)
    with pytest.raises(InputError, match="packed more than 4 times"):
        read_all(place_of(tmp_path, packed))


@pytest.mark.parametrize("kind", PACKINGS)
@pytest.mark.parametrize("cut", [0.4, 0.98])
def test_cut_short(tmp_path: Path, kind: str, cut: float) -> None:
    packed = PACKINGS[kind](DATA)
    with pytest.raises(InputError, match=f"the {kind} file is cut short or damaged"):
        read_all(place_of(tmp_path, packed[: int(len(packed) * cut)]))


@pytest.mark.parametrize("kind", [kind for kind in PACKINGS if kind != "zip"])
def test_other_bytes_behind_the_end(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"the {kind} file is .*damaged"):
        read_all(place_of(tmp_path, PACKINGS[kind](DATA) + b"and something else"))


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd", "zip"])
def test_a_flipped_byte(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKINGS[kind](DATA))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(InputError, match=f"the {kind} file is .*damaged"):
        read_all(place_of(tmp_path, bytes(packed)))


def test_a_pipe_is_read_once_and_a_zip_in_it_too(tmp_path: Path) -> None:
    for data, kinds in ((PACKINGS["zstd"](DATA), ["zstd"]), (zipped(DATA), ["zip"]), (DATA, [])):
        pipe = tmp_path / f"pipe{len(kinds)}{len(data)}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        (place,) = places_of(str(pipe))
        assert place.is_once
        assert read_all(place) == (DATA, kinds)
        writer.join()


def test_what_grows_without_bound_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for _ in range(200):
            stream.write(bytes(2**20))
    opened = UnpackedFile(place_of(tmp_path, bytes(sink.getvalue())))
    assert len(opened.stream.read(1_000)) == 1_000
    assert opened.ratio is not None
    opened.close()


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive isn't read.*7z x"),
        (b"Rar!\x1a\x07\x00", "a rar archive"),
        (bytes(257) + b"ustar\x0000", "a tar archive"),
        (b"Obj\x01more", "an Avro file"),
        (b"DBN\x02more", "Databento's DBN"),
        (b"FEA1more", "Feather version 1"),
        (b"<!DOCTYPE html>", "a web page"),
    ],
)
def test_what_is_known_and_not_read_says_what_to_do(tmp_path: Path, head: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        UnpackedFile(place_of(tmp_path, head))


def test_a_zip_with_a_password_says_so(tmp_path: Path) -> None:
    packed = bytearray(zipped(DATA))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(mark) + at] |= 1
    with pytest.raises(InputError, match="asks for a password"):
        read_all(place_of(tmp_path, bytes(packed)))
