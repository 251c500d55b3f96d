"""Compressed frames of the native protocol: a checksum, a method, two sizes, and a piece of the stream.

``protocol`` opens frames of clients that asked for compression and packs the answers. A frame whose checksum is wrong
ends the connection, since nothing behind it can be trusted. The 128-bit hash is CityHash v1.0.2, not the published
v1.1. It travels high half first, each half little-endian.
"""

import struct
from typing import Any, Final

from local.clickhouse.types import ServerError
from schemas.clickhouse_codes import ErrorCode

__all__ = ["FRAME_HEAD_BYTES", "available", "frame_size", "open_frame", "pack_frame"]

try:
    import lz4.block as lz4_block  # type: ignore[import-untyped]
    from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]
except ImportError:  # the server then refuses compression, and says so
    CityHash128 = None

try:
    import zstd  # type: ignore[import-untyped]
except ImportError:  # only a client that chose zstd needs it
    zstd = None

CHECKSUM_BYTES: Final = 16
FRAME_HEAD_BYTES: Final = 25
NONE: Final = 0x02
LZ4: Final = 0x82
ZSTD: Final = 0x90


def available() -> bool:
    return CityHash128 is not None


def _checksum(frame: Any) -> bytes:
    value = CityHash128(bytes(frame))
    return struct.pack("<QQ", value >> 64, value & (1 << 64) - 1)


def frame_size(head: memoryview) -> int:
    """Bytes of the whole frame, checksum included, from its first ``FRAME_HEAD_BYTES``."""
    size = struct.unpack_from("<I", head, CHECKSUM_BYTES + 1)[0]
    if size < FRAME_HEAD_BYTES - CHECKSUM_BYTES:
        raise ConnectionError(f"compressed frame of {size} bytes")
    return int(size) + CHECKSUM_BYTES


def open_frame(frame: memoryview) -> bytes:
    """The raw bytes of a whole ``frame``; ConnectionError when it is corrupt or of an unknown method."""
    if _checksum(frame[CHECKSUM_BYTES:]) != bytes(frame[:CHECKSUM_BYTES]):
        raise ConnectionError("checksum of a compressed frame doesn't match")
    method, _, raw_size = struct.unpack_from("<BII", frame, CHECKSUM_BYTES)
    body = frame[FRAME_HEAD_BYTES:]
    if method == LZ4:
        return bytes(lz4_block.decompress(body, uncompressed_size=raw_size))
    if method == ZSTD:
        if zstd is None:
            raise ServerError.of(ErrorCode.UNKNOWN_CODEC, "zstd needs the Python package zstd")
        return bytes(zstd.decompress(bytes(body)))
    if method == NONE:
        return bytes(body)
    raise ConnectionError(f"unknown compression method {method:#x}")


def pack_frame(raw: bytes) -> bytes:
    """One LZ4 frame; every client that compresses at all reads LZ4."""
    packed = lz4_block.compress(raw, store_size=False)
    frame: bytes = struct.pack("<BII", LZ4, len(packed) + FRAME_HEAD_BYTES - CHECKSUM_BYTES, len(raw)) + packed
    return _checksum(frame) + frame
