import struct

import pytest

from local.clickhouse import compression


@pytest.mark.parametrize("raw", [b"x", b"abc" * 100_000, bytes(range(256))])
def test_frame_opens_to_what_was_packed(raw: bytes) -> None:
    frame = memoryview(compression.pack_frame(raw))
    assert compression.frame_size(frame[: compression.FRAME_HEAD_BYTES]) == len(frame)
    assert compression.open_frame(frame) == raw


def test_flipped_bit_ends_the_connection() -> None:
    frame = bytearray(compression.pack_frame(b"abc" * 100))
    frame[-1] ^= 1
    with pytest.raises(ConnectionError):
        compression.open_frame(memoryview(frame))


def test_size_below_the_head_ends_the_connection() -> None:
    with pytest.raises(ConnectionError):
        compression.frame_size(memoryview(bytes(16) + struct.pack("<BII", 0x82, 3, 0)))
