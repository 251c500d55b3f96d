"""One Avro value in words, for the detail of a refusal.

AvroDecoder has the op that met the value (connectors.avro.program) and where it lies; this reads it once more, slowly.
"""

import struct
from decimal import Decimal

import numpy as np

from connectors.avro.program import Op
from connectors.avro.varints import read_length, read_long

__all__ = ["shown_value"]

SHOWN_MAX = 80
TEXTS = frozenset({Op.NUMBER_TEXT, Op.TIME_TEXT})
LONGS = frozenset({Op.NUMBER_LONG, Op.TIME_LONG})
REALS = {Op.NUMBER_DOUBLE: "<d", Op.TIME_DOUBLE: "<d", Op.NUMBER_FLOAT: "<f", Op.TIME_FLOAT: "<f"}
DECIMALS = frozenset({Op.NUMBER_DECIMAL, Op.NUMBER_FIXED})


def shown_value(op: tuple[int, int, int, int], value: bytes, at: int) -> str:
    """What ``op`` (code, field, a, b) read at ``at`` of the record ``value``; empty for kinds that aren't shown.

    The bytes are known to be whole. Decimals are shown divided by their scale.
    """
    kind, _, a, b = op
    data = np.frombuffer(value, np.uint8)
    if kind in LONGS:
        return str(read_long(data, at, len(value))[0])
    if kind in REALS:
        (real,) = struct.unpack_from(REALS[Op(kind)], value, at)
        return str(real if REALS[Op(kind)] == "<d" else np.float32(real))
    if kind not in TEXTS | DECIMALS:
        return ""
    length = b
    if kind != Op.NUMBER_FIXED:
        length, at = (int(part) for part in read_length(data, at, len(value)))
    if kind in TEXTS:
        return repr(value[at : at + min(length, SHOWN_MAX)].decode(errors="backslashreplace"))
    digits = str(int.from_bytes(value[at : at + length], "big", signed=True))
    sign = digits[:1] == "-"
    return f"{Decimal((int(sign), tuple(map(int, digits.lstrip('-'))), -a)):f}"[:SHOWN_MAX]
