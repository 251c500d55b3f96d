"""Decodes JSON values, a batch at a time, into TRADE rows.

Takes RawBatch from the Kafka source, hands TradeBatch to the flows, for topics whose values are JSON objects.
Numbers are read from their own text, never through a float, so 0.1 is 0.1 and no digit is lost; prices may also stand
as strings. Times are numbers in ``time_unit`` or ISO 8601 strings. A record that isn't one JSON object is refused by
itself; Python's NaN and Infinity are taken for values, as many producers write them. A compiled scanner finds the
fields; a JSON library only explains what is wrong with bad ones.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np

from connectors.json.kernel import DEPTH_MAX, ITEM_KEY, WantedKeys, scan_records
from connectors.json.shapes import new_shapes
from connectors.values.cells import ABSENT, Cells
from connectors.values.constants import Constants
from connectors.values.fields import ITEMS, Field, Wanted, asked_paths, field_paths, item_fields, wanted_tree
from connectors.values.read import Values
from connectors.values.rejecting import reject_bad
from schemas.columns import Longs, RawBatch, TradeBatch, TradeRow, TradeRows
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

__all__ = ["JsonDecoder"]

FIRST_TRADES: Final = 4096
"""Room for the trades of a batch of arrays, doubled until all of them fit."""


class JsonDecoder:
    """A Decoder (see connectors.values.rejecting) of JSON objects.

    field_map: our field name -> theirs, dotted inside nested objects. time_unit: of times written as plain numbers.
    constants: texts of fields that records don't have themselves.
    words: how the venue writes its values. ``values``: what is made of that. ``shapes``: of the last batch's records.
    """

    def __init__(
        self,
        field_map: Mapping[str, str] | None = None,
        time_unit: str = "auto",
        value_bytes_max: int = 1_000_000,
        constants: Mapping[Field, str] | None = None,
        words: TradeWords | None = None,
    ) -> None:
        self._paths = field_paths(field_map or {})
        self._unseen = asked_paths(field_map or {})
        self.values = Values(words, time_unit)
        self._value_bytes_max = value_bytes_max
        self._keys = _keys_of(wanted_tree(self._paths))
        self._constants = Constants(constants or {})
        self._stack: Longs = np.empty(3 * DEPTH_MAX, np.int64)
        self.shapes = new_shapes()
        self._items = item_fields(self._paths)
        self._room = FIRST_TRADES

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Trades and rejects of ``raw``, not validated."""
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def decode_rows(self, raw: RawBatch) -> tuple[TradeRows, bytes]:
        """TRADE[n] with reason codes, and their text: ``raw.data``, unless strings had escapes in them.

        n is len(raw), unless the field map names an array of trades: then a record may hold any number of them.
        """
        cells = self._cells(raw)
        if self._unseen:
            there = (cells.length != ABSENT).any(axis=0)
            self._unseen = frozenset(theirs for theirs in self._unseen if not there[self._paths[theirs]])
        return cells.to_rows(replace(raw, data=self._constants.put(raw.data, cells)), self.values, _unescape)

    def unseen_fields(self) -> list[str]:
        """Their names in the field map that no record has had so far."""
        return sorted(self._unseen)

    def finish(self, raw: RawBatch, rows: TradeRows, text: bytes) -> TradeBatch:
        return self.values.count(reject_bad(raw, rows, text, self._explain, several=self._items != 0))

    def _cells(self, raw: RawBatch) -> Cells:
        room = self._room if self._items else len(raw)
        while True:
            cells = Cells(room)
            owners = np.empty(room if self._items else 0, np.int64)
            data, ends = np.frombuffer(raw.data, np.uint8), np.asarray(raw.ends, np.int64)
            count = scan_records(
                data, ends, self._value_bytes_max, self._keys, self._stack, cells.arrays, self._items, owners,
                self.shapes,
            )  # fmt: skip
            if count >= 0:
                break
            room = self._room = 2 * room
        if self._items:
            cells.own(owners[:count])
        return cells

    def _explain(self, raw: RawBatch, index: int, row: TradeRow, _: bytes) -> str:
        value, reason = raw.value(index), Reason(int(row["reason"]))
        if reason is Reason.CORRUPT:
            return _complaint(value)
        if reason is Reason.TOO_LARGE and len(value) > self._value_bytes_max:
            return f"{len(value)} bytes, more than {self._value_bytes_max}"
        ends, zero = np.array([len(value)], np.int64), np.zeros(1, np.int64)
        cells = self._cells(RawBatch("", 0, value, ends, zero, zero, (None,)))
        return cells.explain(self._constants.put(value, cells), reason, self._paths, self.values, int(row["index"]))


def _keys_of(wanted: Wanted) -> WantedKeys:
    """The tree of wanted names as the scanner reads it. A name stands twice where JSON may write it with escapes."""
    edges: list[tuple[int, int, int, int]] = []
    keys = bytearray()
    trees: list[Wanted] = [wanted]
    for node, tree in enumerate(trees):  # grows while it is walked
        for name, below in tree.items():
            if isinstance(below, Field):
                child = ~int(below)
            else:
                child = len(trees)
                trees.append(below)
            if name == ITEMS:
                edges.append((node, 0, ITEM_KEY, child))
                continue
            for key in dict.fromkeys((name.encode(), json.dumps(name)[1:-1].encode())):
                edges.append((node, len(keys), len(key), child))
                keys += key
    return WantedKeys(np.array(edges, np.int64).reshape(-1, 4), np.frombuffer(bytes(keys), np.uint8))


def _unescape(text: bytes) -> bytes:
    """A string's value from its text between the quotes, as UTF-8; validation refuses what can't be UTF-8."""
    value: Any = json.loads(b'"' + text + b'"' if text.isascii() else f'"{text.decode(errors="surrogateescape")}"')
    return str(value).encode(errors="surrogatepass")


def _complaint(value: bytes) -> str:
    try:
        decoded = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return str(error)
    return "nests too deep" if isinstance(decoded, dict) else "the value isn't a JSON object"
