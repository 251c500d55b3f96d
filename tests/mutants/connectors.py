"""Mutants of connectors: what a record's bytes are read as."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

VARINTS: Final = "connectors/avro/varints.py"
AVRO: Final = "connectors/avro/values.py"
SHIPPED: Final = "connectors/avro/shipped_record.py"
TIMES: Final = "connectors/values/times.py"
IDS: Final = "connectors/values/ids.py"
JSON: Final = "connectors/json/kernel.py"
SCALARS: Final = "connectors/json/scalars.py"
SHAPES: Final = "connectors/json/shapes.py"
DECODER: Final = ("tests/unit/connectors/avro/test_decoder.py", "tests/unit/connectors/avro/test_values.py")
JSON_DECODER: Final = ("tests/unit/connectors/json/test_decoder.py",)

MUTANTS: Final = (
    Mutant(
        "shipped-bytes-left",
        SHIPPED,
        "    if at != U(stop):\n        return False\n",
        "",
        "a record with bytes left over is taken for a trade",
    ),
    Mutant(
        "shipped-sign-of-a-decimal",
        SHIPPED,
        "np.int64(big_word(data, at + U(1))) >> np.int64(U(64) - (length << U(3)))",
        "np.int64(big_word(data, at + U(1)) >> (U(64) - (length << U(3))))",
        "a negative size is a huge one, and no longer refused",
    ),
    Mutant(
        "shipped-no-value",
        SHIPPED,
        "if id_end == U(0) or _says_nothing(data, trade_id, id_end):",
        "if id_end == U(0):",
        "trades without an id, which a writer calls null, have the id null, and all but the first are duplicates",
    ),
    Mutant(
        "varint-of-65-bits",
        VARINTS,
        "if shift == U(63) and byte > np.uint8(1):",
        "if False:",
        "a number of more than 64 bits is read as another",
    ),
    Mutant(
        "varint-sign",
        VARINTS,
        "np.int64(data[at] >> np.uint8(1)) ^ -np.int64(data[at] & np.uint8(1))",
        "np.int64(data[at] >> np.uint8(1))",
        "a negative length is read as one of text",
    ),
    Mutant(
        "varint-length-to-the-end",
        VARINTS,
        "if length <= stop - at else",
        "if length < stop - at else",
        "a text at the end of a record is cut short",
    ),
    Mutant(
        "varint-block-of-known-size",
        VARINTS,
        "if at >= 0 and count < 0:",
        "if at >= 0 and count < -1:",
        "a block of one item that says its size is read wrong",
    ),
    Mutant(
        "avro-short-decimal-sign",
        AVRO,
        "np.int64(-1 if negative else 0), word",
        "np.int64(0), word",
        "negative prices and sizes are enormous",
        tests=DECODER,
    ),
    Mutant(
        "avro-decimal-of-16-bytes",
        AVRO,
        "if negative != (hi >= U(1 << 63)):",
        "if False:",
        "minus 2**128 units of a small scale are read as 0",
        tests=DECODER,
    ),
    Mutant(
        "avro-decimal-carry",
        AVRO,
        "        hi, lo = negate128(hi, lo)\n    return pack_number(hi, lo, negative, scale",
        "        hi, lo = negate128(U(0), lo)\n    return pack_number(hi, lo, negative, scale",
        "minus 2**64 units are read as something else",
        tests=DECODER,
    ),
    Mutant(
        "avro-wide-decimal-tie",
        AVRO,
        "exact &= rest == U(0)",
        "exact = rest == U(0)",
        "a price just above a tie is rounded down",
        tests=DECODER,
    ),
    Mutant(
        "avro-enum-end",
        AVRO,
        "if value < 0 or value >= code[4 * pc + 2]:\n            return _BAD",
        "if value < 0 or value > code[4 * pc + 2]:\n            return _BAD",
        "an enum's index behind its end is read as some text",
        tests=DECODER,
    ),
    Mutant(
        "time-auto-seconds",
        TIMES,
        "unit = 1 if size < 10**11 else",
        "unit = 1 if size <= 10**11 else",
        "a time is read in another unit",
    ),
    Mutant(
        "time-nanoseconds-up",
        TIMES,
        "return value // 1000",
        "return (value + 999) // 1000",
        "a time in nanoseconds is rounded up",
    ),
    Mutant(
        "time-fraction-of-a-tie",
        TIMES,
        "return below + (below % 2 if error == 0.0 else np.int64(error > 0.0))",
        "return below + 1",
        "a time between two microseconds is rounded up",
    ),
    Mutant(
        "time-before-1980",
        TIMES,
        "micros < _YEAR_1980_US",
        "micros <= _YEAR_1980_US",
        "a time of 1980-01-01 is refused",
    ),
    Mutant(
        "time-far-future",
        TIMES,
        "if value > _FAR // factor:",
        "if value > _FAR:",
        "a time beyond all years comes back as an early one",
    ),
    Mutant(
        "json-leading-zero",
        SCALARS,
        "at - start > 1 and data[start] == ZERO",
        "False",
        "a record counts that isn't JSON",
        tests=JSON_DECODER,
    ),
    Mutant(
        "json-escaped-quote",
        SCALARS,
        "            elif _ESCAPES[data[at]]:\n                at += 1",
        "            elif _ESCAPES[data[at]]:\n                at += 0",
        "a text with an escaped quote ends there",
        tests=JSON_DECODER,
    ),
    Mutant(
        "json-two-values",
        JSON,
        "return at == stop, after",
        "return True, after",
        "a record with rubbish behind it counts",
        tests=JSON_DECODER,
    ),
    Mutant(
        "json-not-utf8",
        JSON,
        "if not good or _is_not_utf8(data, start, stop):\n        return False",
        "if not good:\n        return False",
        "a record counts that isn't text",
        tests=JSON_DECODER,
    ),
    Mutant(
        "json-size-at-its-limit",
        JSON,
        "stop - start > value_bytes_max",
        "stop - start >= value_bytes_max",
        "a record of just the greatest size is refused",
        tests=JSON_DECODER,
    ),
    Mutant(
        "json-keys-by-their-beginning",
        JSON,
        "wanted.edges[edge, 0] == node and wanted.edges[edge, 2] == length",
        "wanted.edges[edge, 0] == node",
        "a field is read from another whose name goes on",
        tests=JSON_DECODER,
    ),
    Mutant(
        "shape-text-between",
        SHAPES,
        " or not same_bytes(data, np.int64(at), data, begin, np.int64(length))",
        "",
        "a record with other keys is read by those of the record before it",
    ),
    Mutant(
        "shape-rubbish-behind",
        SHAPES,
        "return bool(at == end)",
        "return True",
        "a record with rubbish behind it counts",
    ),
    Mutant(
        "shape-of-an-object",
        SHAPES,
        "if cells.length[row, field] == UNFIT:",
        "if False:",
        "of two equal keys the first counts, where the last one holds an object",
    ),
    Mutant(
        "shape-cells-left",
        SHAPES,
        "cells.at[row, field], cells.length[row, field] = 0, ABSENT",
        "pass",
        "a record that lacks a field has what began to be read as it",
    ),
    Mutant(
        "shape-leading-zero",
        SHAPES,
        "(data[begin] == ZERO and at - begin > U(1))",
        "False",
        "a record counts that isn't JSON",
    ),
    Mutant(
        "shape-no-digit-behind-a-point",
        SHAPES,
        "if at >= stop or at == begin or",
        "if at >= stop or",
        "a record counts that isn't JSON",
    ),
    Mutant(
        "shape-fraction-as-a-name",
        SHAPES,
        "if after > U(0) and (whole or ~target > _EXCHANGE or target >= 0):",
        "if after > U(0):",
        "5.5 is taken for the name of a symbol",
    ),
    Mutant(
        "shape-room-behind-the-batch",
        SHAPES,
        "if stop + CHUNK > len(data):",
        "if False:",
        "memory behind the batch is read",
    ),
    Mutant(
        "id-of-no-digits",
        IDS,
        "if 0 < stop - at <= ID_DIGITS:",
        "if stop - at <= ID_DIGITS:",
        "trades without an id have the id 0, and all but the first are duplicates",
    ),
)
