"""The compiled interpreter of Avro programs: bytes of a whole batch in, TRADE rows out.

AvroDecoder calls ``decode_records`` once per batch. Record i is read inside ``[ends[i-1], ends[i])`` only, and must
consume exactly its bytes, so that a corrupt record never costs a neighbour. Compiled code doesn't check bounds, so
every read does. Arrays may claim any number of items, so the interpreter doesn't loop over items of no bytes.
"""

from typing import Final, NamedTuple

import numpy as np

from connectors.avro.program import Op
from connectors.avro.shipped_record import REACH, read_shipped
from connectors.avro.values import (
    SCRATCH,
    read_number_op,
    read_plain_text,
    read_short_decimal,
    read_side_op,
    read_text_op,
    read_time_op,
)
from connectors.avro.varints import Fault, read_block, read_length, read_long
from connectors.values.fields import REQUIRED
from connectors.values.rows import clear_row, store_side
from kernels.kernel import leaf_kernel
from schemas.columns import Bytes, Longs, TradeRow, TradeRows, Whole, Words
from schemas.rejects import Reason

__all__ = [
    "FAULT",
    "FAULT_AT",
    "FAULT_PC",
    "SCRATCH_LENGTH",
    "SEEN",
    "Machine",
    "Programs",
    "Records",
    "decode_records",
]

FAULT: Final = SCRATCH
"""scratch[FAULT]: the Fault of the last record that was CORRUPT; FAULT_PC, FAULT_AT: op and position of what was
wrong with the last refused record; SEEN: bits of the fields that the last whole record had."""
FAULT_PC: Final = SCRATCH + 1
FAULT_AT: Final = SCRATCH + 2
SEEN: Final = SCRATCH + 3
_STACK: Final = SCRATCH + 4
_DEPTH_MAX: Final = 512
SCRATCH_LENGTH: Final = _STACK + _DEPTH_MAX

_CUT_SHORT: Final = int(Fault.CUT_SHORT)
_BAD_BRANCH: Final = int(Fault.BAD_BRANCH)
_BAD_SYMBOL_INDEX: Final = int(Fault.BAD_SYMBOL_INDEX)
_BYTES_LEFT: Final = int(Fault.BYTES_LEFT)
_TOO_DEEP: Final = int(Fault.TOO_DEEP)

_NONE: Final = int(Reason.NONE)
_EMPTY_VALUE: Final = int(Reason.EMPTY_VALUE)
_BAD_FRAME: Final = int(Reason.BAD_FRAME)
_UNKNOWN_SCHEMA: Final = int(Reason.UNKNOWN_SCHEMA)
_CORRUPT: Final = int(Reason.CORRUPT)
_MISSING_FIELD: Final = int(Reason.MISSING_FIELD)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)

_END: Final = int(Op.END)
_SKIP_BYTES: Final = int(Op.SKIP_BYTES)
_SKIP_TEXT: Final = int(Op.SKIP_TEXT)
_SKIP_ENUM: Final = int(Op.SKIP_ENUM)
_UNION: Final = int(Op.UNION)
_JUMP: Final = int(Op.JUMP)
_BLOCKS: Final = int(Op.BLOCKS)
_NEXT_ITEM: Final = int(Op.NEXT_ITEM)
_EMPTY_BLOCKS: Final = int(Op.EMPTY_BLOCKS)
_RETURN: Final = int(Op.RETURN)
_LACKING: Final = int(Op.LACKING)
_UNUSABLE: Final = int(Op.UNUSABLE)
_TEXT: Final = int(Op.TEXT)
_TEXT_ENUM: Final = int(Op.TEXT_ENUM)
_NUMBER_DECIMAL: Final = int(Op.NUMBER_DECIMAL)
_NUMBER_TEXT: Final = int(Op.NUMBER_TEXT)
_TIME_TEXT: Final = int(Op.TIME_TEXT)
_SIDE_ENUM: Final = int(Op.SIDE_ENUM)


class Records(NamedTuple):
    """data uint8[]; ends, offsets, timestamps_ms int64[n]. framed: each begins with the id of its schema."""

    data: Bytes
    ends: Longs
    offsets: Longs
    timestamps_ms: Longs
    framed: bool
    value_bytes_max: int


class Programs(NamedTuple):
    """Where in the code the program of each schema id begins: int64[programs] each; one, of id 0, when not framed.
    sides: where the values of its sides lie in the code if it is that of the shipped schema, else -1."""

    ids: Longs
    starts: Longs
    sides: Longs


class Machine(NamedTuple):
    """What programs run with, handed to the interpreter for each record: so no more than it needs.

    texts uint8[]: the constant texts, then room for made ones. scratch int64[SCRATCH_LENGTH], with MADE_BASE,
    MADE_USED, ROUNDING and ORIGIN_US set. sides: the table of connectors.values.words.
    """

    code: Longs
    texts: Bytes
    scratch: Longs
    sides: Words


@leaf_kernel
def _run_skip(data: Bytes, at: int, stop: int, code: Longs, pc: int) -> int:
    """Runs a SKIP… or EMPTY_BLOCKS op: the position or a Fault."""
    kind = code[4 * pc]
    if kind == _SKIP_BYTES:
        return at + code[4 * pc + 2] if code[4 * pc + 2] <= stop - at else _CUT_SHORT
    if kind == _SKIP_TEXT:
        length, at = read_length(data, at, stop)
        return at if at < 0 else at + length
    if kind == _EMPTY_BLOCKS:
        count = 1
        while at >= 0 and count != 0:
            count, at = read_block(data, at, stop)
        return at
    value, at = read_long(data, at, stop)
    if kind == _SKIP_ENUM and at >= 0 and (value < 0 or value >= code[4 * pc + 2]):
        return _BAD_SYMBOL_INDEX
    return at


@leaf_kernel
def _run_control(
    data: Bytes, at: int, stop: int, code: Longs, pc: int, depth: int, scratch: Longs
) -> tuple[int, int, int]:
    """Runs an op of arrays, maps and routines: (position or a Fault, next pc, stack depth)."""
    kind, target = code[4 * pc], code[4 * pc + 2]
    if kind == _RETURN:
        return at, scratch[_STACK + depth - 1], depth - 1
    if kind == _NEXT_ITEM:
        scratch[_STACK + depth - 1] -= 1
        if scratch[_STACK + depth - 1] > 0:
            return at, target + 1, depth
        return at, target, depth - 1
    kept = pc + 1
    if kind == _BLOCKS:
        kept, at = read_block(data, at, stop)
        if at < 0:
            return at, pc, depth
        if kept == 0:
            return at, target, depth
        if kept < 0 or kept > stop - at:  # an item here takes a byte at least
            return _CUT_SHORT, pc, depth
    if depth >= _DEPTH_MAX:
        return _TOO_DEEP, pc, depth
    scratch[_STACK + depth] = kept
    return at, pc + 1 if kind == _BLOCKS else target, depth + 1


# How a record is read.
#
# Avro bytes say nothing about themselves: what a byte means follows from the schema alone. So a schema is turned once
# into a program (connectors.avro.program), and a record is read by running it. An op is four numbers: what to do, which
# field of a trade it fills, and two more, whose meaning stands beside each Op. ``pc`` is the op that comes next, ``at``
# the byte that comes next; each op moves both on.
#
# A union reads the number of its branch and jumps to that branch's ops. An array or a map keeps on a stack how many
# items are left of its block, and jumps back until none is; a named type that is skipped is a routine, whose CALL keeps
# the op to return to on the same stack. So recursive schemas work, up to a depth, and no Python is involved.
#
# Two kinds of fault are kept apart. A byte that can't be there (cut short, no such branch, bytes left over) makes
# ``at`` negative: nothing behind it can be trusted, so the record is CORRUPT and its program ends. A value that can be
# read but not used gives a reason, the first of which stays, and reading goes on, as the record may still turn out to
# be CORRUPT.
@leaf_kernel
def _run(data: Bytes, at: int, stop: int, pc: int, row: TradeRow, machine: Machine) -> int:
    """Runs one program over one record; its reason: CORRUPT, else the first thing found wrong, else MISSING_FIELD."""
    code, texts, scratch, sides = machine.code, machine.texts, machine.scratch, machine.sides
    reason, seen, depth = _NONE, 0, 0
    while True:
        kind, now = code[4 * pc], pc
        found, before = _NONE, at
        pc += 1
        if kind >= _TEXT:
            field = code[4 * now + 1]
            seen |= 1 << field
            if kind == _TEXT:
                at, found = read_plain_text(data, at, stop, field, row)
            elif kind == _NUMBER_DECIMAL and code[4 * now + 2] == 10:
                at, short = read_short_decimal(data, at, stop, field, row)
                if not short:
                    at, found = read_number_op(data, before, stop, code, now, row, scratch)
            elif kind <= _TEXT_ENUM:
                at, found = read_text_op(data, at, stop, code, now, row, texts, scratch)
            elif kind <= _NUMBER_TEXT:
                at, found = read_number_op(data, at, stop, code, now, row, scratch)
            elif kind <= _TIME_TEXT:
                at, found = read_time_op(data, at, stop, code, now, row, scratch)
            elif kind == _SIDE_ENUM and at < stop and data[at] < np.uint8(2 * min(code[4 * now + 2], 64)):
                if data[at] & np.uint8(1):
                    at = _BAD_SYMBOL_INDEX
                else:
                    store_side(row, code[code[4 * now + 3] + (data[at] >> np.uint8(1))])
                    at += 1
            else:
                at = read_side_op(data, at, stop, code, now, row, sides)
        elif kind == _UNION:
            if at < stop and data[at] < np.uint8(0x80):
                branch = np.int64(data[at] >> np.uint8(1)) ^ -np.int64(data[at] & np.uint8(1))
                at += 1
            else:
                branch, at = read_long(data, at, stop)
            if at >= 0 and 0 <= branch < code[4 * now + 2]:
                pc = code[code[4 * now + 3] + branch]
            elif at >= 0:
                at = _BAD_BRANCH
        elif kind == _JUMP:
            pc = code[4 * now + 2]
        elif kind == _END:
            if at == stop:
                scratch[SEEN] = seen
                return _MISSING_FIELD if reason == _NONE and seen & REQUIRED != REQUIRED else reason
            at = _BYTES_LEFT
        elif kind == _UNUSABLE:
            seen |= 1 << code[4 * now + 1]
            found = _BAD_VALUE
        elif kind == _LACKING:
            found = _MISSING_FIELD
        elif kind <= _EMPTY_BLOCKS:
            at = _run_skip(data, at, stop, code, now)
        else:
            at, pc, depth = _run_control(data, at, stop, code, now, depth, scratch)
        if at < 0:
            scratch[FAULT], scratch[FAULT_PC], scratch[FAULT_AT] = at, now, before
            return _CORRUPT
        if found != _NONE and reason == _NONE:
            reason = found
            scratch[FAULT_PC], scratch[FAULT_AT] = now, before


@leaf_kernel
def _find_program(schema_id: Whole, programs: Programs) -> int:
    """Its index, or -1."""
    for index in range(len(programs.ids)):
        if programs.ids[index] == schema_id:
            return index
    return -1


@leaf_kernel
def decode_records(records: Records, programs: Programs, machine: Machine, rows: TradeRows) -> int:
    """Fills rows[i] (TRADE) from record i, its ``reason`` included; returns how many records had an unknown schema.

    Numbers that need repr() are marked in ``outcome``: see read_number_op.
    """
    data, framed = records.data, records.framed
    start = 0
    unknown = 0
    last_id: Whole = -1
    program = -1 if framed else 0
    for index in range(len(records.ends)):
        stop = records.ends[index]
        row = rows[index]
        clear_row(row, records.offsets[index], records.timestamps_ms[index])
        at = start
        if stop == start:
            row["reason"] = _EMPTY_VALUE
        elif stop - start > records.value_bytes_max:
            row["reason"] = _TOO_LARGE
        elif framed and (stop - start < 5 or data[start] != 0):
            row["reason"] = _BAD_FRAME
        else:
            if framed:
                schema_id: Whole = 0
                for byte in range(start + 1, start + 5):
                    schema_id = schema_id << 8 | np.int64(data[byte])
                if schema_id != last_id:
                    last_id, program = schema_id, _find_program(schema_id, programs)
                at += 5
            if program < 0:
                row["reason"] = _UNKNOWN_SCHEMA
                unknown += 1
            elif programs.sides[program] < 0 or at + REACH > len(data):
                row["reason"] = _run(data, at, stop, int(programs.starts[program]), row, machine)
            elif not read_shipped(data, at, stop, machine.code, programs.sides[program], row):
                clear_row(row, records.offsets[index], records.timestamps_ms[index])
                row["reason"] = _run(data, at, stop, int(programs.starts[program]), row, machine)
        start = stop
    return unknown
