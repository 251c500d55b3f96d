"""Turns cells of text into TRADE rows: the second half of the CSV, Parquet and JSON decoders, compiled.

A scanner has found where each field's text lies; this reads it. ``at`` and ``length``: int64[n, 9], columns by Field;
length ABSENT for a cell that isn't there or is null, UNFIT for one of a kind that can't hold the field. A field's text
is kept where it lies, so rows point into the batch itself. ``~at`` (negative) marks text with escapes, which Python
unescapes behind the batch's end before rows are made.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from connectors.values.fields import FIELD_COUNT, REQUIRED, Field, required_names
from connectors.values.ids import store_id
from connectors.values.read import ReadRules, Values
from connectors.values.rows import clear_row, store_number, store_side, store_text
from connectors.values.times import read_time
from connectors.values.words import MAY_SAY_NOTHING, find_word, says_nothing
from kernels.decimal_read import ROUNDED
from kernels.kernel import leaf_kernel
from kernels.text_read import read_number
from schemas.columns import TRADE, Bytes, Longs, RawBatch, TradeRow, TradeRows
from schemas.rejects import Reason

__all__ = ["ABSENT", "UNFIT", "CellArrays", "Cells", "read_cell"]

ABSENT: Final = -1
UNFIT: Final = -2

_NONE: Final = int(Reason.NONE)
_MISSING_FIELD: Final = int(Reason.MISSING_FIELD)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)
_SYMBOL: Final = int(Field.SYMBOL)
_TRADE_ID: Final = int(Field.TRADE_ID)
_EXCHANGE: Final = int(Field.EXCHANGE)
_SIZE: Final = int(Field.SIZE)
_ASK: Final = int(Field.ASK)
_EVENT_TIME: Final = int(Field.EVENT_TIME)
_FIELDS: Final = FIELD_COUNT
_TEXT_MAX: Final = 65_535


class CellArrays(NamedTuple):
    """``at`` and ``length`` of each trade's fields, as kernels have them, and why the trade is refused (0: no)."""

    at: Longs
    length: Longs
    reasons: Bytes


class Cells:
    """Where the fields of n trades lie. A scanner's kernel fills ``at``, ``length`` and ``reasons`` (uint8[n]).

    owners: int64[n], the record of each trade, where a record may hold several or none; None: trade i is record i.
    """

    def __init__(self, count: int, more: int = 0) -> None:
        # ``more``: columns behind those of the fields, for a scanner's own use.
        self.at = np.zeros((count, FIELD_COUNT + more), np.int64)
        self.length = np.full((count, FIELD_COUNT + more), ABSENT, np.int64)
        self.reasons = np.zeros(count, np.uint8)
        self.owners: Longs | None = None

    @property
    def arrays(self) -> CellArrays:
        return CellArrays(self.at, self.length, self.reasons)

    def own(self, owners: Longs) -> None:
        """The cells are those of len(owners) trades, no more, in the order of their records."""
        count = len(owners)
        self.at, self.length, self.reasons = self.at[:count], self.length[:count], self.reasons[:count]
        self.owners = owners

    def to_rows(self, raw: RawBatch, values: Values, unescape: Callable[[bytes], bytes]) -> tuple[TradeRows, bytes]:
        """TRADE[n] with reasons, and their text: ``raw.data``, with what ``unescape`` made behind it."""
        text = self._unescaped(raw.data, unescape)
        rows = np.empty(len(self.reasons), TRADE)
        offsets, timestamps_ms = np.asarray(raw.offsets, np.int64), np.asarray(raw.timestamps_ms, np.int64)
        if self.owners is not None:
            offsets, timestamps_ms = offsets[self.owners], timestamps_ms[self.owners]
        _fill_rows(np.frombuffer(text, np.uint8), self.arrays, offsets, timestamps_ms, values.rules, rows)
        if self.owners is not None and len(rows):
            first = np.flatnonzero(np.diff(self.owners, prepend=-1))
            rows["index"] = np.arange(len(rows)) - np.repeat(first, np.diff(first, append=len(rows)))
        values.fold_signs(rows)
        return rows, text

    def explain(self, value: bytes, reason: Reason, paths: Mapping[str, Field], values: Values, trade: int = 0) -> str:
        """Which cell of a ``trade`` of the first record (of bytes ``value``) is behind ``reason``, and what it says."""
        if reason is Reason.MISSING_FIELD:
            seen = sum(1 << field for field in Field if self.length[trade, field] != ABSENT)
            return f"missing: {required_names(seen, paths)}"
        text, row = np.frombuffer(value, np.uint8), np.zeros(1, TRADE)[0]
        for theirs, field in sorted(paths.items(), key=lambda item: item[1]):
            at, length = int(self.at[trade, field]), int(self.length[trade, field])
            at = ~at if at < 0 else at
            if length == UNFIT and reason is Reason.BAD_VALUE:
                return f"{theirs} is of a kind that can't be read as {field.name.lower()}"
            if length < 0:
                continue
            if read_cell(text, at, length, int(field), values.rules, row) == reason:
                shown = f"{theirs} is {value[at : at + min(length, 80)].decode(errors='backslashreplace')!r}"
                return shown + hint_of(reason, field, int(row["event_time_us"]))
        if reason is Reason.OUT_OF_RANGE:
            theirs = next(name for name, field in paths.items() if field is Field.EVENT_TIME)
            at, length = int(self.at[trade, Field.EVENT_TIME]), int(self.length[trade, Field.EVENT_TIME])
            return f"{theirs} is {value[at : at + min(length, 80)].decode(errors='backslashreplace')!r}, past 2299"
        return "text that isn't UTF-8"

    def _unescaped(self, data: bytes, unescape: Callable[[bytes], bytes]) -> bytes:
        marked = self.at < 0
        if not marked.any():
            return data
        escaped = np.argwhere(marked & (self.length >= 0) & (self.reasons == 0)[:, None])
        made = bytearray()
        for index, field in escaped:
            at, length = ~int(self.at[index, field]), int(self.length[index, field])
            text = unescape(data[at : at + length])
            self.at[index, field], self.length[index, field] = len(data) + len(made), len(text)
            made += text
        return data + bytes(made) if made else data


def hint_of(reason: Reason, field: Field, event_time_us: int) -> str:
    """What there is to say about a value that was refused for ``reason``, behind the value itself."""
    if reason is Reason.UNCLEAR_TIME:
        moment = np.datetime64(event_time_us, "us").astype("datetime64[s]")
        return f", which would be read as {moment}Z: name its unit (TAPEFLOW_TIME_UNIT), or what it counts from"
    if reason is Reason.OUT_OF_RANGE and Field.PRICE <= field <= Field.ASK:
        return ": more than 18 whole digits, or more than 10 decimal places, which TAPEFLOW_ROUND_NUMBERS rounds"
    return ""


@leaf_kernel
def read_cell(text: Bytes, at: int, length: int, field: int, rules: ReadRules, row: TradeRow) -> int:
    """Reads one cell into its field; returns a reason. One that says nothing leaves an optional field absent."""
    stop = at + length
    if field <= _EXCHANGE:
        if length > _TEXT_MAX:
            return _TOO_LARGE
        if field == _SYMBOL or length == 0 or not (MAY_SAY_NOTHING[text[at]] and says_nothing(text, at, stop)):
            store_text(row, field, at, length)
            if field == _TRADE_ID:
                store_id(row, text, at, stop)
        return _NONE
    if field <= _ASK:
        scale = rules.size_scale if field == _SIZE else rules.price_scale
        hi, lo, reason = read_number(text, at, stop, scale, rules.rounding)
        if reason == ROUNDED:
            row["rounded"], reason = 1, _NONE
        elif reason == _BAD_VALUE and field > _SIZE and says_nothing(text, at, stop):
            return _NONE
        store_number(row, field, hi, lo)
        return reason
    if field == _EVENT_TIME:
        row["event_time_us"], reason = read_time(text, at, stop, rules.time_unit, rules.origin_us)
        return reason
    store_side(row, find_word(rules.sides, text, at, stop))
    return _NONE


@leaf_kernel
def _fill_rows(
    text: Bytes, cells: CellArrays, offsets: Longs, timestamps_ms: Longs, rules: ReadRules, rows: TradeRows
) -> None:
    for index in range(len(rows)):
        row = rows[index]
        clear_row(row, offsets[index], timestamps_ms[index])
        row["reason"] = cells.reasons[index]
        if row["reason"] != _NONE:
            continue
        seen = 0
        for field in range(_FIELDS):
            length = cells.length[index, field]
            if length == ABSENT:
                continue
            seen |= 1 << field
            reason = _BAD_VALUE
            if length != UNFIT:
                reason = read_cell(text, cells.at[index, field], length, field, rules, row)
            if reason != _NONE and row["reason"] == _NONE:
                row["reason"] = reason
        if row["reason"] == _NONE and seen & REQUIRED != REQUIRED:
            row["reason"] = _MISSING_FIELD
