"""Parts and keys of a partition: the hash is the engine's, and each number of workers gets equal shares."""

import threading
from collections import Counter
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.testing import cluster_main

from schemas import shards
from schemas.shards import engine_hashes, part_name, part_names, partition_of, shard_key, stays_on_its_worker

MASK = 2**64 - 1
Threads = dict[int, int]


def siphash13(data: bytes) -> int:
    """SipHash-1-3 with a key of zero, one word at a time, as its paper writes it."""
    v = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]

    def rotate(word: int, bits: int) -> int:
        return (word << bits | word >> (64 - bits)) & MASK

    def sip_round() -> None:
        v[0] = (v[0] + v[1]) & MASK
        v[2] = (v[2] + v[3]) & MASK
        v[1], v[3] = rotate(v[1], 13) ^ v[0], rotate(v[3], 16) ^ v[2]
        v[0] = (rotate(v[0], 32) + v[3]) & MASK
        v[2] = (v[2] + v[1]) & MASK
        v[3], v[1] = rotate(v[3], 21) ^ v[0], rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        sip_round()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(3):
        sip_round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


@pytest.mark.parametrize("length", [7, 8, 11, 15, 16, 23])
def test_the_hash_is_siphash_1_3_of_a_text_in_rust(length: int) -> None:
    keys = [bytes((index * 7 + place * 31) % 256 for place in range(length)) for index in range(50)]
    assert engine_hashes(keys).tolist() == [siphash13(key + b"\xff") for key in keys]


def test_a_key_names_its_partition_and_stays_the_same() -> None:
    keys = [shard_key(partition) for partition in range(64)]
    assert [partition_of(key) for key in keys] == list(range(64))
    assert [partition_of(name) for name in part_names(64)] == list(range(64))
    assert part_names(12) == sorted(part_names(12))
    assert keys[:3] == ["00000#01009", "00001#00820", "00002#01547"], "recovery state is kept under them"


def test_a_partition_without_a_fitting_number_still_has_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "NUMBERS", shards.TRIED_AT_ONCE)
    assert shard_key.__wrapped__(7) == "00007#00000"
    assert partition_of("00007#00000") == 7


class Source(FixedPartitionedSource[Any, Any]):
    def __init__(self, partitions: int, seen: Threads) -> None:
        self._partitions, self._seen = partitions, seen

    def list_parts(self) -> list[str]:
        return part_names(self._partitions)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "SourcePart":
        self._seen[partition_of(for_part)] = threading.get_ident()
        return SourcePart(partition_of(for_part))


class SourcePart(StatefulSourcePartition[Any, Any]):
    def __init__(self, partition: int) -> None:
        self._items = [partition]

    def next_batch(self) -> list[int]:
        if not self._items:
            raise StopIteration
        return [self._items.pop()]

    def snapshot(self) -> None:
        return None


class Sink(FixedPartitionedSink[Any, Any]):
    def __init__(self, partitions: int, seen: Threads) -> None:
        self._partitions, self._seen = partitions, seen

    def list_parts(self) -> list[str]:
        return part_names(self._partitions)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> "SinkPart":
        self._seen[partition_of(for_part)] = threading.get_ident()
        return SinkPart()


class SinkPart(StatefulSinkPartition[Any, Any]):
    def write_batch(self, values: list[Any]) -> None:
        pass

    def snapshot(self) -> None:
        return None


def places(partitions: int, workers: int) -> tuple[Threads, Threads, Threads]:
    """On which thread the engine puts each partition's source part, state and sink part."""
    read: Threads = {}
    applied: Threads = {}
    written: Threads = {}

    class Step(StatefulBatchLogic[Any, Any, Any]):
        def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
            applied[values[0]] = threading.get_ident()
            return [values[0]], self.RETAIN

        def snapshot(self) -> None:
            return None

    flow = Dataflow("places")
    keyed = op.key_on("key", op.input("read", flow, Source(partitions, read)), shard_key)
    op.output("write", op.stateful_batch("apply", keyed, lambda _: Step()), Sink(partitions, written))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    return read, applied, written


@pytest.mark.parametrize("workers", [*range(1, 11), 12, 16])
@pytest.mark.parametrize("partitions", [1, 4, 13, 48])
def test_the_engine_puts_all_of_a_partition_on_one_worker(workers: int, partitions: int) -> None:
    assert stays_on_its_worker(workers)
    read, applied, written = places(partitions, workers)
    assert read == applied == written
    loads = Counter(read.values())
    idle = max(workers - len(loads), 0)
    assert len(loads) == min(workers, partitions)
    assert max(loads.values()) - (0 if idle else min(loads.values())) <= 1


def test_other_numbers_of_workers_are_known_to_cross() -> None:
    assert [workers for workers in range(1, 17) if not stays_on_its_worker(workers)] == [11, 13]
    assert part_name(7) == "00007"
