"""Names of a partition's parts and the key of its state, so that one worker of a cluster has all of one partition.

Sources and sinks name their parts here, flows key their batches here, and recovery state is kept under both. The engine
deals parts out in the order of their names, part i to worker i modulo the number of workers, and a key to the worker
that its hash modulo that number gives. So each key carries a number that was sought until its hash agrees with the
partition's place. A batch then never leaves the worker that read it, and workers differ by one partition at most. This
holds for each number of workers that divides WORKERS_MULTIPLE: 1 to 10, 12, 14, 15, 16 and many above.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np

__all__ = ["WORKERS_MULTIPLE", "part_name", "part_names", "partition_of", "shard_key", "stays_on_its_worker"]

WORKERS_MULTIPLE: Final = 5040
"""The least number that 1 to 10, 12, 14, 15 and 16 divide: a hash that agrees modulo it agrees modulo each of them."""
TRIED_AT_ONCE: Final = 8_192
NUMBERS: Final = 99_999
"""Five digits; that none of them fits happens once in a hundred million partitions."""
WORD: Final = 8


def part_name(partition: int) -> str:
    """Digits of one length, since the engine orders names as text."""
    return f"{partition:05d}"


def part_names(partitions: int) -> list[str]:
    return [part_name(partition) for partition in range(partitions)]


@cache
def shard_key(partition: int) -> str:
    """Key of the state of a partition, and of all that comes from it: its part's name and the number sought."""
    prefix = f"{part_name(partition)}#"
    wanted = np.uint64(partition % WORKERS_MULTIPLE)
    for first in range(0, NUMBERS - TRIED_AT_ONCE, TRIED_AT_ONCE):
        hashes = engine_hashes([f"{prefix}{first + number:05d}".encode() for number in range(TRIED_AT_ONCE)])
        fitting = np.flatnonzero(hashes % np.uint64(WORKERS_MULTIPLE) == wanted)
        if len(fitting):
            return f"{prefix}{first + fitting[0]:05d}"
    # Right all the same: its batches cross to the worker that the hash names.
    return f"{prefix}{0:05d}"


def partition_of(key: str) -> int:
    """The partition that a shard_key or part_name is of."""
    return int(key.partition("#")[0])


def stays_on_its_worker(workers: int) -> bool:
    """Whether, with so many workers, source, state and sinks of each partition lie on one."""
    return WORKERS_MULTIPLE % workers == 0


def engine_hashes(keys: Sequence[bytes]) -> Any:
    """uint64[n]: what the engine hashes ``keys`` to, which must be of one length of at least WORD bytes.

    It is the standard hash of a text in Rust: SipHash-1-3 with a key of zero over the bytes and one byte 0xFF.
    Source: Aumasson and Bernstein, SipHash: a fast short-input PRF; std::collections::hash_map::DefaultHasher.
    """
    length = len(keys[0]) + 1
    whole = length // WORD * WORD
    data = np.full((len(keys), whole + WORD), 0, np.uint8)
    data[:, : length - 1] = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), length - 1)
    data[:, length - 1] = 0xFF
    data[:, -1] = length & 0xFF
    words = data.view("<u8")
    initial = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [np.full(len(keys), word, np.uint64) for word in initial]
    for column in range(words.shape[1]):
        state[3] = state[3] ^ words[:, column]
        _sip_round(state)
        state[0] = state[0] ^ words[:, column]
    state[2] = state[2] ^ np.uint64(0xFF)
    for _ in range(3):
        _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(state: list[Any]) -> None:
    a, b, c, d = state
    a = a + b
    b = _rotated(b, 13) ^ a
    a = _rotated(a, 32)
    c = c + d
    d = _rotated(d, 16) ^ c
    a = a + d
    d = _rotated(d, 21) ^ a
    c = c + b
    b = _rotated(b, 17) ^ c
    c = _rotated(c, 32)
    state[:] = a, b, c, d


def _rotated(words: Any, bits: int) -> Any:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
