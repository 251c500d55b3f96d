"""A segment holds whole batches: a torn end is cut off, and a read begins with the batch of its offset."""

import os
from pathlib import Path

import pytest

from local.kafka.segment import HEAD_BYTES, Segment, read_head
from tests.unit.local.kafka.batches import batch


def filled(path: Path, *counts: int) -> Segment:
    """A segment of batches with so many records, whose greatest times are 1000, 2000, …"""
    segment = Segment(path, 0)
    for number, count in enumerate(counts, 1):
        data = batch(count, max_timestamp_ms=1000 * number)
        data[:8] = segment.end_offset.to_bytes(8, "big")
        segment.append(read_head(data), memoryview(data))
    return segment


def test_a_head_says_where_its_batch_ends() -> None:
    data = batch(3, body=b"x" * 10, max_timestamp_ms=7, producer=(5, 1, 40))
    head = read_head(data)
    assert (head.size, head.magic, head.last_delta, head.count, head.max_timestamp_ms) == (len(data), 2, 2, 3, 7)
    assert (head.producer_id, head.producer_epoch, head.base_sequence) == (5, 1, 40)
    assert HEAD_BYTES == 61


def test_what_was_appended_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    segment = filled(tmp_path / "0.log", 3, 2, 5)
    again, heads = Segment.open(tmp_path / "0.log", 0)
    assert [head.base_offset for head in heads] == [0, 3, 5]
    assert (again.end_offset, again.size) == (segment.end_offset, segment.size) == (10, os.path.getsize(segment.path))


@pytest.mark.parametrize("torn", [1, 30, 61, 67])
def test_a_torn_end_is_cut_off(tmp_path: Path, torn: int) -> None:
    segment = filled(tmp_path / "0.log", 3, 2)
    whole = segment.size
    with segment.path.open("ab") as file:
        file.write(batch(4)[:torn])
    again, heads = Segment.open(segment.path, 0)
    assert (len(heads), again.size, os.path.getsize(segment.path)) == (2, whole, whole)


def test_a_read_begins_with_the_batch_that_holds_the_offset(tmp_path: Path) -> None:
    segment = filled(tmp_path / "0.log", 3, 2, 5)
    one = segment.size // 3
    assert (segment.extent(4, 10 * one).position, segment.extent(4, 10 * one).size) == (one, 2 * one)
    assert segment.extent(0, 2 * one).size == 2 * one
    assert segment.extent(0, 1).size == one, "one batch at least"
    assert segment.extent(9, 1).position == 2 * one
    assert Segment(tmp_path / "none.log", 0).extent(0, 100).size == 0


def test_times_are_found_to_the_batch(tmp_path: Path) -> None:
    segment = filled(tmp_path / "0.log", 3, 2, 5)
    assert [segment.first_at(time_ms) for time_ms in (0, 1000, 1001, 3000, 3001)] == [
        (0, 1000), (0, 1000), (3, 2000), (5, 3000), None,
    ]  # fmt: skip
