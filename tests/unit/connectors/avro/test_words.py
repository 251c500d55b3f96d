"""A value that was refused, in words: what the bytes say, read once more."""

import struct

import pytest

from connectors.avro.program import Op
from connectors.avro.words import shown_value


@pytest.mark.parametrize(
    ("op", "value", "shown"),
    [
        ((Op.NUMBER_LONG, 3, 0, 0), b"\x03", "-2"),
        ((Op.TIME_DOUBLE, 7, 0, 0), struct.pack("<d", 0.1), "0.1"),
        ((Op.NUMBER_FLOAT, 3, 0, 0), struct.pack("<f", 0.1), "0.1"),
        ((Op.NUMBER_TEXT, 3, 0, 0), b"\x06abc", "'abc'"),
        ((Op.TIME_TEXT, 7, 0, 0), b"\x04\xff\xfe", repr("\\xff\\xfe")),
        ((Op.NUMBER_TEXT, 3, 0, 0), b"\xac\x02" + b"x" * 150, repr("x" * 80)),
        ((Op.NUMBER_DECIMAL, 3, 2, 0), b"\x04\xff\x38", "-2.00"),
        ((Op.NUMBER_FIXED, 3, 0, 2), b"\x01\x00", "256"),
        ((Op.SKIP_LONG, 0, 0, 0), b"\x02", ""),
    ],
)
def test_values(op: tuple[int, int, int, int], value: bytes, shown: str) -> None:
    assert shown_value(op, b"--" + value, 2) == shown
