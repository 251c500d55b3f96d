"""Lines of a stream in batches: row numbers go on, blank lines are no rows, and any cut gives the same."""

import io

import pytest

from connectors.files import line_batches
from connectors.files.encodings import TextStream
from connectors.files.line_batches import LineBatch, cut_batches, slice_batch
from connectors.files.magic import Content
from connectors.files.unpacking import ByteStream
from schemas.errors import InputError

TEXT = b"one\r\ntwo\n\n \r\nthree\rfour"
ROWS = [b"one", b"two", b"three", b"four"]


def batches(data: bytes, records_max: int) -> list[LineBatch]:
    stream = TextStream(ByteStream(io.BytesIO(data), Content.TEXT, "t.csv"), "", "t.csv")
    return list(cut_batches(stream, "t.csv", "t.csv", records_max))


@pytest.mark.parametrize("chunk_bytes", [1, 2, 5, 100])
@pytest.mark.parametrize("records_max", [1, 2, 100])
def test_lines_are_the_same_however_the_stream_is_cut(
    chunk_bytes: int, records_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_batches, "CHUNK_BYTES", chunk_bytes)
    found = batches(TEXT, records_max)
    assert [batch.value(index) for batch in found for index in range(len(batch))] == ROWS
    assert [offset for batch in found for offset in batch.offsets.tolist()] == [0, 1, 2, 3]
    assert max(map(len, found)) <= records_max


def test_nothing_gives_no_batch() -> None:
    assert batches(b"", 5) == batches(b"\n\r\n  \n", 5) == []


def test_a_line_without_end_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_batches, "CHUNK_BYTES", 10)
    monkeypatch.setattr(line_batches, "LINE_BYTES_MAX", 50)
    assert len(batches(b"x" * 45 + b"\n", 5)) == 1
    with pytest.raises(InputError, match="a line of more than"):
        batches(b"x" * 200, 5)


def test_a_part_of_a_batch_keeps_its_row_numbers() -> None:
    (batch,) = batches(TEXT, 100)
    part = slice_batch(batch, 1, 3)
    assert [part.value(index) for index in range(len(part))] == ROWS[1:3]
    assert part.offsets.tolist() == [1, 2]
    assert len(slice_batch(batch, 0, 0)) == 0
