"""Splits decoded rows into good trades and rejects: the one place where a refused record becomes a Reject.

Every decoder ends here, after validation. Each record ends either in ``rows`` or in ``rejects``, with its original
bytes, so read = len(rows) + len(rejects), of records that hold several trades too. Only refused records cost Python;
where none was refused, rows aren't copied.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from kernels.decimal_text import from_pair, plain
from kernels.symbols import SYMBOL_RULE
from schemas.columns import RawBatch, TradeBatch, TradeRow, TradeRows
from schemas.rejects import Reason, Reject

__all__ = ["Decoder", "Explain", "describe_row", "reject_bad"]

Explain = Callable[[RawBatch, int, TradeRow, bytes], str]
"""(batch, index of the record, its row, text) -> what is wrong with it, for a human."""


class Decoder(Protocol):
    """Bytes to trades. Flows: rows, text = decode_rows(raw); validate(rows, text, …); finish(raw, rows, text)."""

    def decode_rows(self, raw: RawBatch) -> tuple[TradeRows, bytes]:
        """TRADE[len(raw)] with ``reason`` set on what can't be used, and the bytes that text fields point into."""
        ...

    def finish(self, raw: RawBatch, rows: TradeRows, text: bytes) -> TradeBatch:
        """The trades whose reason is still 0, and a Reject for each other record."""
        ...

    def unseen_fields(self) -> list[str]:
        """Their names in the field map that no record has had so far, where records may differ in that."""
        ...

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Both steps without validation between them."""
        ...


def reject_bad(raw: RawBatch, rows: TradeRows, text: bytes, explain: Explain, *, several: bool = False) -> TradeBatch:
    """Rows with reason 0 as a TradeBatch, the others as its rejects, both in offset order.

    several: a record may hold several trades, or none.

    An empty batch has next_offset -1: nothing was read.
    """
    batch = TradeBatch(
        topic=raw.topic,
        partition=raw.partition,
        rows=rows,
        text=text,
        read=len(raw),
        next_offset=int(raw.offsets[-1]) + 1 if len(raw) else -1,
    )
    if several:
        _reject_records(raw, rows, text, explain, batch)
        return batch
    refused = np.flatnonzero(rows["reason"])
    if len(refused):
        nulls = set(raw.nulls)
        batch.rejects = [_reject(raw, int(index), rows[index], text, explain, nulls) for index in refused]
        batch.rows = rows[rows["reason"] == 0]
    return batch


def _reject_records(raw: RawBatch, rows: TradeRows, text: bytes, explain: Explain, batch: TradeBatch) -> None:
    """Of records that hold several trades or none. One bad trade refuses its whole record, so that the record can be
    put back on its topic without its good trades counting twice. ``read``: trades, and records that were refused."""
    owners = np.searchsorted(raw.offsets, rows["offset"])
    refused = np.flatnonzero(rows["reason"])
    _, firsts = np.unique(owners[refused], return_index=True)
    nulls = set(raw.nulls)
    batch.rejects = [
        _reject(raw, int(owners[at]), rows[at], text, explain, nulls, bool(np.count_nonzero(owners == owners[at]) > 1))
        for at in refused[firsts]
    ]
    batch.rows = rows[~np.isin(owners, owners[refused])] if len(refused) else rows
    batch.read = len(batch.rows) + len(batch.rejects)


def _reject(
    raw: RawBatch, index: int, row: TradeRow, text: bytes, explain: Explain, nulls: set[int], among: bool = False
) -> Reject:
    """``index``: of the record. ``among``: its ``row`` is one of several trades, so that the detail says which."""
    reason = Reason(int(row["reason"]))
    if index in nulls:
        detail = "the value is null"
    elif reason is Reason.EMPTY_VALUE:
        detail = "the value is empty"
    else:
        detail = describe_row(row, reason, text) or explain(raw, index, row, text)
    return Reject(
        reason=reason,
        detail=f"trade {int(row['index'])} of the record: {detail}" if among else detail,
        topic=raw.topic,
        partition=raw.partition,
        offset=int(row["offset"]),
        timestamp_ms=int(row["timestamp_ms"]),
        key=raw.keys[index],
        value=None if index in nulls else raw.value(index),
    )


def describe_row(row: TradeRow, reason: Reason, text: bytes) -> str:
    """What a validation reason means for this row; empty for reasons that a decoder has to explain."""
    match reason:
        case Reason.BAD_SYMBOL:
            at, length = int(row["symbol_at"]), int(row["symbol_len"])
            shown = text[at : at + min(length, 80)].decode(errors="backslashreplace")
            return f"symbol {shown!r} isn't {SYMBOL_RULE}"
        case Reason.PRICE_NOT_POSITIVE:
            return f"price is {_plain(row, 'price')}"
        case Reason.SIZE_NEGATIVE:
            return f"size is {_plain(row, 'size')}"
        case Reason.BEFORE_1970:
            return f"event time is {int(row['event_time_us'])} us, before 1970"
        case Reason.FUTURE_TIME:
            ahead = int(row["event_time_us"]) // 1000 - int(row["timestamp_ms"])
            return f"event time is {ahead} ms ahead of the record's timestamp"
        case Reason.REQUEUED:
            return "put back on the topic as another record: see the marker"
        case _:
            return ""


def _plain(row: TradeRow, name: str) -> str:
    return plain(from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"])))
