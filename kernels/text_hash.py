"""A 128-bit digest of text inside compiled kernels: SipHash-2-4 with the 128-bit output of its authors.

core.bars.seen_ids asks for it where a trade id is no short number, and keeps the digest instead of the text. Equal text
has equal digests on every machine, as the key is fixed. The chance that a trade is taken for another one is at most
trades judged x ids remembered / 2**128: below 10**-20 for 10**12 trades against a million ids. Source: J.-P. Aumasson,
D. J. Bernstein, "SipHash: a fast short-input PRF" (2012), and their reference code.
"""

from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from schemas.columns import Bytes, Whole

__all__ = ["digest_text"]

U = np.uint64
KEY_0: Final = U(0x0706050403020100)
KEY_1: Final = U(0x0F0E0D0C0B0A0908)
"""The key of the authors' test vectors: there is no secret here, ids come from the venue."""


@leaf_kernel
def _rotate(value: np.uint64, by: int) -> np.uint64:
    return (value << U(by)) | (value >> U(64 - by))


@leaf_kernel
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 += v3
    v3 = _rotate(v3, 16) ^ v2
    v0 += v3
    v3 = _rotate(v3, 21) ^ v0
    v2 += v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@leaf_kernel
def digest_text(text: Bytes, at: Whole, stop: Whole) -> tuple[np.uint64, np.uint64]:
    """(low, high) uint64 of the bytes ``text[at:stop]`` (uint8[n])."""
    v0 = U(0x736F6D6570736575) ^ KEY_0
    v1 = U(0x646F72616E646F6D) ^ KEY_1 ^ U(0xEE)
    v2 = U(0x6C7967656E657261) ^ KEY_0
    v3 = U(0x7465646279746573) ^ KEY_1
    length = U(stop - at)
    while True:
        word, taken = U(0), min(stop - at, 8)
        for index in range(taken):
            word |= U(text[at + index]) << U(8 * index)
        at += taken
        if taken < 8:
            word |= length << U(56)
        v3 ^= word
        for _ in range(2):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        if taken < 8:
            break
    v2 ^= U(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= U(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return low, v0 ^ v1 ^ v2 ^ v3
