"""Decodes Avro values, a batch at a time, into TRADE rows: Confluent framing with any mix of schemas, or plain Avro.

Takes RawBatch from the Kafka source, hands TradeBatch to the flows. A record that can't be read is refused by itself,
with its reason, and costs its neighbours nothing. The order of records stays. Good records never meet Python code.
Whoever resolves schema ids (a registry, or the shipped schemas) answers None for an id that doesn't exist, and raises
Unreachable when it can't tell. That error passes through, so that an outage makes the flow wait instead of refusing
good records.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np
import structlog

from connectors.avro.kernel import (
    FAULT,
    FAULT_AT,
    FAULT_PC,
    SCRATCH_LENGTH,
    SEEN,
    Machine,
    Programs,
    Records,
    decode_records,
)
from connectors.avro.program import ProgramTable, SchemaError, Tables
from connectors.avro.shipped_record import shipped_sides
from connectors.avro.values import MADE_BASE, MADE_USED, ORIGIN_US, ROUNDING
from connectors.avro.varints import Fault
from connectors.avro.words import shown_value
from connectors.values.cells import hint_of
from connectors.values.fields import Field, asked_paths, field_paths, item_fields, required_names, wanted_tree
from connectors.values.read import Values
from connectors.values.rejecting import reject_bad
from kernels.decimal_read import ROUNDED, number_from_text
from schemas.avro import TRADE_SCHEMA_ID, WriterSchema, shipped_schema
from schemas.columns import TRADE, Bytes, Longs, RawBatch, TradeBatch, TradeRow, TradeRows
from schemas.errors import SettingError
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

__all__ = ["AvroDecoder", "Framing", "Resolver"]

Framing = Literal["confluent", "none"]
Resolver = Callable[[int], WriterSchema | None]

_log = structlog.get_logger()
_ASK_AGAIN_S: Final = 60.0
"""An id that doesn't exist is asked for again after this long: a registry's replica may lag behind its producers."""
_NUMBERS: Final = (Field.PRICE, Field.SIZE, Field.BID, Field.ASK)
_FAULTS: Final = {
    Fault.CUT_SHORT: "runs past the end of the record",
    Fault.LONG_NUMBER: "is a number of more than 64 bits",
    Fault.NEGATIVE_LENGTH: "has a negative length",
    Fault.BAD_BRANCH: "names a branch that its union doesn't have",
    Fault.BAD_SYMBOL_INDEX: "names a symbol that its enum doesn't have",
    Fault.BYTES_LEFT: "bytes are left after the last field",
    Fault.TOO_DEEP: "nests too deep",
}


class AvroDecoder:
    """A Decoder (see connectors.values.rejecting) of Avro values.

    framing: ``confluent`` (magic byte 0, 4-byte schema id, body) or ``none`` (every value is of ``schema``).
    resolver: schema id -> writer schema; the shipped schemas when None.
    field_map: our field name -> theirs, dotted inside nested records. time_unit: of longs without a logical type.
    words: how the venue writes its values. ``values``: what is made of that.
    """

    def __init__(
        self,
        framing: Framing = "confluent",
        resolver: Resolver | None = None,
        field_map: Mapping[str, str] | None = None,
        time_unit: str = "auto",
        value_bytes_max: int = 1_000_000,
        *,
        schema: WriterSchema | None = None,
        words: TradeWords | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._framed = framing == "confluent"
        self._resolver = resolver or shipped_schema
        self._value_bytes_max = value_bytes_max
        self._clock = clock
        self._paths = field_paths(field_map or {})
        self.values = Values(words, time_unit)
        if item_fields(self._paths):
            raise SettingError(
                "several trades in one record are read from JSON only",
                where="field_map",
                mend="leave out the [], or set TAPEFLOW_VALUE_FORMAT=json",
            )
        self._programs = ProgramTable(wanted_tree(self._paths), self.values, asked_paths(field_map or {}))
        self._starts: dict[int, int] = {}
        self._unknown: dict[int, float] = {}
        self._tables: Tables = self._programs.tables()
        self._known: Longs = np.zeros((3, 0), np.int64)
        self._unsettled: tuple[Field, str] | None = None
        self._scratch = np.zeros(SCRATCH_LENGTH, np.int64)
        self._scratch[ROUNDING] = self.values.words.round_numbers
        self._scratch[ORIGIN_US] = self.values.origin_us
        if not self._framed:
            self._add(0, schema or shipped_schema(TRADE_SCHEMA_ID) or WriterSchema("null"))

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Trades and rejects of ``raw``, not validated. Raises what the resolver raises."""
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def decode_rows(self, raw: RawBatch) -> tuple[TradeRows, bytes]:
        """TRADE[len(raw)] with reason codes, and their text: ``raw.data`` itself unless numbers were read as text."""
        rows = np.empty(len(raw), TRADE)
        texts, made, unknown = self._run(raw, rows)
        if unknown and self._resolve(raw, rows):
            texts, made, _ = self._run(raw, rows)
        self.values.fold_signs(rows)
        return rows, raw.data + texts[:made].tobytes() if made else raw.data

    def finish(self, raw: RawBatch, rows: TradeRows, text: bytes) -> TradeBatch:
        return self.values.count(reject_bad(raw, rows, text, self._explain))

    def unseen_fields(self) -> list[str]:
        """None: a schema that lacks a field which the field map names gets its records refused."""
        return []

    def _run(self, raw: RawBatch, rows: TradeRows) -> tuple[Bytes, int, int]:
        """One pass of the kernel: the texts made, their length, the number of records with an unknown schema."""
        programs, tables = self._programs, self._tables
        count = len(rows)
        texts = np.empty(len(tables.texts) + 20 * programs.made_texts * count, np.uint8)
        texts[: len(tables.texts)] = np.frombuffer(tables.texts, np.uint8)
        self._scratch[MADE_BASE], self._scratch[MADE_USED] = len(raw.data), len(tables.texts)
        data, ends = np.frombuffer(raw.data, np.uint8), np.asarray(raw.ends, np.int64)
        offsets, timestamps_ms = np.asarray(raw.offsets, np.int64), np.asarray(raw.timestamps_ms, np.int64)
        records = Records(data, ends, offsets, timestamps_ms, self._framed, self._value_bytes_max)
        machine = Machine(tables.code, texts, self._scratch, self.values.rules.sides)
        unknown = decode_records(records, Programs(*self._known), machine, rows)
        if programs.has_floats:
            self._unsettled = _settle_pending(rows, self.values.words)
        return texts, int(self._scratch[MADE_USED]), unknown

    def _resolve(self, raw: RawBatch, rows: TradeRows) -> bool:
        """Asks for the ids that no program is known for; whether any of them is known now."""
        now, learnt = self._clock(), False
        indexes = np.flatnonzero(rows["reason"] == Reason.UNKNOWN_SCHEMA)
        for schema_id in dict.fromkeys(_schema_id(raw, int(index)) for index in indexes):
            if now - self._unknown.get(schema_id, -_ASK_AGAIN_S) < _ASK_AGAIN_S:
                continue
            writer = self._resolver(schema_id)
            if writer is not None and self._add(schema_id, writer):
                self._unknown.pop(schema_id, None)
                learnt = True
            else:
                self._unknown[schema_id] = now
        return learnt

    def _add(self, schema_id: int, writer: WriterSchema) -> bool:
        try:
            self._starts[schema_id] = self._programs.add(writer)
        except SchemaError as error:
            _log.warning("schema_refused", schema_id=schema_id, reason=str(error))
            return False
        self._tables = self._programs.tables()
        sides = [shipped_sides(self._programs.ops, start) for start in self._starts.values()]
        self._known = np.array([list(self._starts), list(self._starts.values()), sides], np.int64)
        return True

    def _explain(self, raw: RawBatch, index: int, row: TradeRow, _: bytes) -> str:
        """Decodes the record once more by itself and puts what stopped it into words."""
        value = raw.value(index)
        match Reason(int(row["reason"])):
            case Reason.BAD_FRAME if len(value) < 5:
                return f"{len(value)} bytes are too few for Confluent framing"
            case Reason.BAD_FRAME:
                return f"the first byte is {value[0]:#04x}, Confluent framing begins with 0x00"
            case Reason.UNKNOWN_SCHEMA:
                return f"there is no Avro schema with id {_schema_id(raw, index)}"
            case Reason.TOO_LARGE if len(value) > self._value_bytes_max:
                return f"{len(value)} bytes, more than {self._value_bytes_max}"
            case reason:
                return self._explain_content(value, reason)

    def _explain_content(self, value: bytes, reason: Reason) -> str:
        one, zero = np.array([len(value)], np.int64), np.zeros(1, np.int64)
        alone = RawBatch("", 0, value, one, zero, zero, (None,))
        rows, scratch = np.empty(1, TRADE), self._scratch
        self._run(alone, rows)
        if rows["reason"][0] != reason:
            return _WORDS.get(reason, reason.label)
        pc = int(scratch[FAULT_PC])
        path = self._programs.paths[pc] or "record"
        if reason is Reason.CORRUPT:
            fault = Fault(int(scratch[FAULT]))
            if fault is Fault.BYTES_LEFT:
                return f"{len(value) - int(scratch[FAULT_AT])} of {len(value)} {_FAULTS[fault]}"
            return f"{path} (byte {int(scratch[FAULT_AT])} of {len(value)}) {_FAULTS[fault]}"
        if reason is Reason.MISSING_FIELD:
            missing = required_names(int(scratch[SEEN]), self._paths)
            return f"missing: {missing}" if missing else f"the schema has no {path}, which the field map names"
        if self._unsettled is not None:
            field, text = self._unsettled
            theirs = next(path for path, each in self._paths.items() if each is field)
            return f"{theirs} is {text}" + hint_of(reason, field, 0)
        shown = shown_value(self._programs.ops[pc], value, int(scratch[FAULT_AT]))
        told = f"{path} is {shown}" if shown else f"{path} {_WORDS.get(reason, reason.label)}"
        return told + hint_of(reason, Field(self._programs.ops[pc][1]), int(rows["event_time_us"][0]))


_WORDS: Final = {
    Reason.OUT_OF_RANGE: "is more than can be kept, or a time is past 2299",
    Reason.BAD_VALUE: "isn't of a kind that can be read here",
    Reason.TOO_LARGE: "is a text of more than 65535 bytes",
}


def _schema_id(raw: RawBatch, index: int) -> int:
    start = int(raw.ends[index - 1]) if index else 0
    return int.from_bytes(raw.data[start + 1 : start + 5], "big")


def _settle_pending(rows: TradeRows, words: TradeWords) -> tuple[Field, str] | None:
    """Fills the numbers whose shortest decimal only repr() can tell, and clears their marks.

    Returns the last one for which a record is refused: its field, and its text.
    """
    refused = None
    for index in np.flatnonzero(rows["outcome"]):
        row: Any = rows[index]
        marks = int(row["outcome"])
        row["outcome"] = 0
        for place, field in enumerate(_NUMBERS):
            name = field.name.lower()
            if marks >> place & 17:
                real = row[f"{name}_lo"].view(np.float64)
                text = repr(float(real)) if marks >> place & 1 else str(np.float32(real))
                scale = words.size_scale if field is Field.SIZE else words.price_scale
                hi, lo, reason = number_from_text(text, scale, words.round_numbers)
                row[f"{name}_hi"], row[f"{name}_lo"] = hi, lo
                if reason == ROUNDED:
                    row["rounded"] = 1
                elif reason and row["reason"] in (Reason.NONE, Reason.MISSING_FIELD):  # what is there comes first
                    row["reason"] = reason
                    refused = field, text
    return refused
