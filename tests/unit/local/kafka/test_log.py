import os
from pathlib import Path

import pytest

from local.kafka.log import BrokerError, PartitionLog
from local.kafka.segment import read_head
from tests.unit.local.kafka.batches import batch


def opened(folder: Path, **limits: int) -> PartitionLog:
    return PartitionLog(folder, **({"segment_bytes": 1000, "retention_bytes": 0, "batch_bytes_max": 10_000} | limits))


def read(log: PartitionLog, offset: int, size_max: int = 1 << 20) -> list[int]:
    """Base offsets of the batches that a fetch from ``offset`` would carry."""
    extent = log.read(offset, size_max)
    data = os.pread(extent.segment.fd, extent.size, extent.position)
    assert len(data) == extent.size
    found = []
    while data:
        head = read_head(data)
        found.append(head.base_offset)
        data = data[head.size :]
    return found


def test_offsets_are_dense_over_batches_of_one_request(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log.append(memoryview(batch(3) + batch(2))) == 0
    assert log.append(memoryview(batch(5))) == 5
    assert log.end_offset == 10
    assert read(log, 0) == [0, 3, 5]


def test_read_begins_with_the_batch_that_holds_the_offset(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(memoryview(batch(3) + batch(2) + batch(5)))
    assert read(log, 4) == [3, 5]
    assert read(log, 10) == []
    for outside in (-1, 11):
        with pytest.raises(BrokerError) as refused:
            log.read(outside, 100)
        assert refused.value.code == 1


def test_read_is_cut_between_batches_but_gives_at_least_one(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(memoryview(batch(1) + batch(1) + batch(1)))
    size = len(batch(1))
    assert read(log, 0, 1) == [0]
    assert read(log, 0, 2 * size + 1) == [0, 1]
    assert read(log, 1, 2 * size) == [1, 2]


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for _ in range(40):
        log.append(memoryview(batch(2, body=b"x" * 100)))
    assert len(list(tmp_path.glob("*.log"))) > 3
    again = opened(tmp_path)
    offset, seen = 0, []
    while offset < again.end_offset:
        part = read(again, offset)
        seen += part
        offset = part[-1] + 2
    assert seen == list(range(0, 80, 2))
    assert again.append(memoryview(batch(1))) == 80


@pytest.mark.parametrize("left", [1, 60, 61, 100])
def test_half_written_batch_is_cut_off(tmp_path: Path, left: int) -> None:
    log = opened(tmp_path)
    log.append(memoryview(batch(2)))
    torn = batch(3, body=b"y" * 200)
    torn[7] = 2
    with (tmp_path / f"{0:020d}.log").open("ab") as file:
        file.write(torn[:left])
    again = opened(tmp_path)
    assert again.end_offset == 2
    assert again.append(memoryview(batch(1))) == 2
    assert read(opened(tmp_path), 0) == [0, 2]


def test_repeated_batch_of_an_idempotent_producer_is_stored_once_also_over_a_restart(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(memoryview(batch(2, producer=(7, 0, 0))))
    log.append(memoryview(batch(3, producer=(7, 0, 2))))
    assert log.append(memoryview(batch(2, producer=(7, 0, 0)))) == 0
    again = opened(tmp_path)
    assert again.append(memoryview(batch(3, producer=(7, 0, 2)))) == 2
    assert again.end_offset == 5


def test_missing_batch_of_an_idempotent_producer_is_noticed(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append(memoryview(batch(2, producer=(7, 0, 0))))
    with pytest.raises(BrokerError) as refused:
        log.append(memoryview(batch(1, producer=(7, 0, 5))))
    assert refused.value.code == 45
    assert log.append(memoryview(batch(1, producer=(7, 1, 0)))) == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bytearray(b"short"), 2),
        (batch(2)[:-1], 2),
        (batch(1, body=b"z" * 20_000), 10),
        (bytearray(batch(1)[:16] + b"\x01" + batch(1)[17:]), 43),
    ],
)
def test_bad_batch_is_refused_and_leaves_nothing(tmp_path: Path, data: bytearray, code: int) -> None:
    log = opened(tmp_path)
    with pytest.raises(BrokerError) as refused:
        log.append(memoryview(data))
    assert (refused.value.code, log.end_offset) == (code, 0)


def test_deleted_records_stay_deleted(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for _ in range(30):
        log.append(memoryview(batch(1, body=b"x" * 100)))
    files = len(list(tmp_path.glob("*.log")))
    assert log.delete_before(20) == 20
    assert len(list(tmp_path.glob("*.log"))) < files
    again = opened(tmp_path)
    assert (again.start_offset, again.end_offset) == (20, 30)
    with pytest.raises(BrokerError):
        again.read(19, 100)
    assert again.delete_before(-1) == 30
    assert opened(tmp_path).append(memoryview(batch(1))) == 30


def test_retention_drops_the_oldest_files_only(tmp_path: Path) -> None:
    log = opened(tmp_path, retention_bytes=3000)
    for _ in range(100):
        log.append(memoryview(batch(1, body=b"x" * 100)))
    held = sum(path.stat().st_size for path in tmp_path.glob("*.log"))
    assert 2000 <= held <= 4000
    assert 0 < log.start_offset < log.end_offset == 100
    assert read(log, log.start_offset)[0] == log.start_offset


def test_offset_of_a_time_is_the_first_batch_that_reaches_it(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for time_ms in (100, 300, 200, 400):
        log.append(memoryview(batch(2, max_timestamp_ms=time_ms)))
    assert log.offset_at(0) == (0, 100)
    assert log.offset_at(150) == (2, 300)
    assert log.offset_at(400) == (6, 400)
    assert log.offset_at(401) == (-1, -1)
    log.delete_before(4)
    assert log.offset_at(0)[0] == 4
