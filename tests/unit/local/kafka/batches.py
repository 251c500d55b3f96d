"""Record batches with true heads and opaque bodies: all that a broker looks at."""

import struct


def batch(
    count: int,
    *,
    body: bytes = b"records",
    max_timestamp_ms: int = 0,
    producer: tuple[int, int, int] = (-1, -1, -1),
) -> bytearray:
    """A batch of ``count`` records; ``producer`` is (id, epoch, first sequence)."""
    length = 61 - 12 + len(body)
    head = struct.pack(
        ">qiibIhiqqqhii", 0, length, -1, 2, 0, 0, count - 1, max_timestamp_ms, max_timestamp_ms, *producer, count
    )
    return bytearray(head + body)
