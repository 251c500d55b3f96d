"""Reads trades from record values for the oracle, and recomputes every refusal.

``tapeflow verify``, the demo and the tests hand in what a Kafka consumer gave them, and pass what comes out to
oracle.truth. It shares no code with connectors or core; the rules of records stand here once more, in plain Python,
so that "rejected" is proved like any number. Single values are read next door, in oracle.values.
"""

import json
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, Final

from oracle.avro import AvroReader, CorruptValue, Fixed, Symbol
from oracle.ids import id_of_number
from oracle.truth import EXACT, OracleReject, OracleTrade
from oracle.values import Refused, fits, number_of, says_nothing, side_of, text_of, time_us_of
from schemas.avro import WriterSchema, shipped_schema
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

__all__ = ["OracleReader", "check_values"]

SYMBOL_LENGTH_MAX: Final = 64
SYMBOL_BREAKING: Final = frozenset('"\\,|{}')
UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
FIELDS: Final = ("symbol", "price", "size", "side", "trade_id", "event_time", "exchange", "bid", "ask")
OPTIONAL: Final = ("side", "trade_id", "exchange", "bid", "ask")
ITEMS: Final = "[]"
LACKING: Final = ""
"""Key of a record whose schema has no field that the field map names; no field has this name."""
ORDERS_KEPT: Final = 1000
YEAR_2300_US: Final = 10_413_792_000_000_000


class OracleReader:
    """Record values to trades, by the settings of the flow that is checked.

    schema_of gives the writer schema of an id (None: unknown); for plain Avro it is asked for the id 1.
    words: how values are written.
    requeued: (partition, offset, Kafka's time in ms) of records that were put back, whose copies count instead.
    """

    def __init__(
        self,
        *,
        value_format: str = "confluent",
        schema_of: Callable[[int], WriterSchema | None] = shipped_schema,
        field_map: Mapping[str, str] | None = None,
        time_unit: str = "auto",
        future_us: int = 60_000_000,
        value_bytes_max: int = 1_000_000,
        requeued: Collection[tuple[int, int, int]] = (),
        words: TradeWords | None = None,
    ) -> None:
        self._value_format = value_format
        self._schema_of = schema_of
        names = {field: (field_map or {}).get(field) or field for field in FIELDS}
        self._paths = {field: _parts(name.removesuffix("?")) for field, name in names.items()}
        self._asked = [
            self._paths[field] for field, name in (field_map or {}).items() if name and not name.endswith("?")
        ]
        arrays = [parts[: parts.index(ITEMS)] for parts in self._paths.values() if ITEMS in parts]
        self._array = arrays[0] if arrays else None
        self._words = words or TradeWords()
        self._time_unit = time_unit
        self._future_us = future_us
        self._value_bytes_max = value_bytes_max
        self._requeued = requeued
        self._readers: dict[int, AvroReader | None] = {}
        self._orders: dict[tuple[str, ...], list[str]] = {}

    def read(self, partition: int, offset: int, timestamp_ms: int, value: bytes | None) -> OracleTrade | OracleReject:
        """The trade of a record that is one, or why there is none."""
        [found] = self.read_all(partition, offset, timestamp_ms, value)
        return found

    def read_all(
        self, partition: int, offset: int, timestamp_ms: int, value: bytes | None
    ) -> Sequence[OracleTrade | OracleReject]:
        """The trades of a record in their order, or why it is refused: whole, for the first bad one of them.

        ``timestamp_ms`` is Kafka's, -1 where the record has none.
        """
        trades: list[OracleTrade | OracleReject] = []
        try:
            with localcontext(EXACT):
                record = self._record(value)
                for item in self._items(record):
                    fields = self._fields(record, item)
                    trade = _signed(_trade(fields, partition, offset, timestamp_ms), self._words)
                    if reason := check_values(trade, self._future_us):
                        raise Refused(reason)
                    trades.append(trade)
        except Refused as refused:
            trades = [OracleReject(partition, offset, refused.reason)]
        if trades and (partition, offset, timestamp_ms) in self._requeued:
            return [OracleReject(partition, offset, Reason.REQUEUED)]
        return trades

    def _items(self, record: Any) -> list[Any]:
        """What holds the fields of each trade beside ``record`` itself; one of nothing where there is no array."""
        if self._array is None:
            return [None]
        array = self._walk(record, self._array)
        return array if isinstance(array, list) else [None]

    def _walk(self, value: Any, parts: Sequence[str]) -> Any:
        for part in parts:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and self._array is not None and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return None
        return value

    def _record(self, value: bytes | None) -> Any:
        if not value:
            raise Refused(Reason.EMPTY_VALUE)
        if len(value) > self._value_bytes_max:
            raise Refused(Reason.TOO_LARGE)
        if self._value_format == "json":
            return _json_record(value, (dict, list) if self._array is not None else (dict,))
        schema_id, body = _unframed(value) if self._value_format == "confluent" else (1, value)
        record = self._avro_record(schema_id, body)
        if not isinstance(record, dict):
            raise Refused(Reason.MISSING_FIELD)
        return record

    def _fields(self, record: Any, item: Any) -> dict[str, Any]:
        names = tuple(record) if isinstance(record, dict) else ()
        fields = {field: self._field(record, item, field) for field in self._in_order(names)}
        if LACKING in record:
            raise Refused(Reason.MISSING_FIELD)
        return fields

    def _in_order(self, names: tuple[str, ...]) -> list[str]:
        # Of several faults the one that comes first in the record is named, and a missing field last.
        if names not in self._orders:
            if len(self._orders) >= ORDERS_KEPT:
                self._orders.clear()  # JSON objects may have any keys
            place = {name: index for index, name in enumerate(names)}
            self._orders[names] = sorted(FIELDS, key=lambda field: place.get(self._paths[field][0], len(names)))
        return self._orders[names]

    def _avro_record(self, schema_id: int, body: bytes) -> Any:
        if schema_id not in self._readers:
            writer = self._schema_of(schema_id)
            self._readers[schema_id] = AvroReader(writer) if writer is not None else None
        reader = self._readers[schema_id]
        if reader is None:
            raise Refused(Reason.UNKNOWN_SCHEMA)
        try:
            record = reader.read(body)
        except CorruptValue:
            raise Refused(Reason.CORRUPT) from None
        if isinstance(record, dict) and not all(reader.has(path) for path in self._asked):
            return {**record, LACKING: True}
        return record

    def _field(self, record: Any, item: Any, field: str) -> Any:
        parts = self._paths[field]
        start, parts = (item, parts[parts.index(ITEMS) + 1 :]) if ITEMS in parts else (record, parts)
        value = self._walk(start, parts)
        # Only a value of a kind that the field is read from can say that there is nothing: Avro's floats are no texts,
        # and its enums and fixed bytes no numbers.
        if isinstance(value, float):
            is_readable = self._value_format == "json" or field in ("bid", "ask", "trade_id")
        else:
            is_readable = not (isinstance(value, Symbol | Fixed) and field in ("bid", "ask"))
        # A side that says nothing is UNKNOWN by itself, unless the settings know the word.
        is_optional = field in OPTIONAL if isinstance(value, float) else field in OPTIONAL[1:]
        if value is None or (is_optional and is_readable and says_nothing(value)):
            return None
        words = self._words
        if field == "event_time":
            return time_us_of(value, self._time_unit, words.time_origin_us)
        if field in ("price", "size", "bid", "ask"):
            scale = words.size_scale if field == "size" else words.price_scale
            return number_of(value, scale, words.round_numbers)
        if field == "side":
            return side_of(value, words)
        return text_of(id_of_number(value) if field == "trade_id" else value)


def is_symbol(text: str) -> bool:
    """1 to 64 code points that can be seen, without what would break a key."""
    is_length = 1 <= len(text) <= SYMBOL_LENGTH_MAX
    return is_length and text.strip(" ") == text and text.strip(".") != "" and all(map(_is_seen, text))


def _is_seen(letter: str) -> bool:
    point = ord(letter)
    if letter in SYMBOL_BREAKING or (unicodedata.category(letter) in UNSEEN_CATEGORIES and letter != " "):
        return False
    # Noncharacters, and blocks of format characters that Unicode still fills.
    is_format = 0x13430 <= point <= 0x1343F or point == 0x2065 or 0xE0000 <= point <= 0xE0FFF
    return not (is_format or point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF)


def check_values(trade: OracleTrade, future_us: int) -> Reason:
    """The rules of values: the first one that ``trade`` breaks, or Reason.NONE."""
    if not all(fits(number) for number in (trade.price, trade.size, trade.bid, trade.ask) if number is not None):
        return Reason.OUT_OF_RANGE
    if not is_symbol(trade.symbol):
        return Reason.BAD_SYMBOL
    if trade.price <= 0:
        return Reason.PRICE_NOT_POSITIVE
    if trade.size < 0:
        return Reason.SIZE_NEGATIVE
    if trade.event_time_us < 0:
        return Reason.BEFORE_1970
    if trade.timestamp_ms >= 0 and trade.event_time_us > trade.timestamp_ms * 1000 + future_us:
        return Reason.FUTURE_TIME
    if trade.event_time_us >= YEAR_2300_US:
        return Reason.OUT_OF_RANGE
    if not (_is_text(trade.trade_id) and _is_text(trade.exchange)):
        return Reason.BAD_VALUE
    return Reason.NONE


def _is_text(text: str) -> bool:
    # Bytes that weren't UTF-8 came in as lone surrogates.
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _trade(fields: Mapping[str, Any], partition: int, offset: int, timestamp_ms: int) -> OracleTrade:
    if any(fields[name] is None for name in ("symbol", "price", "size", "event_time")):
        raise Refused(Reason.MISSING_FIELD)
    return OracleTrade(
        partition=partition,
        offset=offset,
        timestamp_ms=timestamp_ms,
        event_time_us=fields["event_time"],
        symbol=fields["symbol"],
        price=fields["price"],
        size=fields["size"],
        side=fields["side"] or "UNKNOWN",
        trade_id=fields["trade_id"] or "",
        exchange=fields["exchange"] or "",
        bid=fields["bid"],
        ask=fields["ask"],
    )


def _signed(trade: OracleTrade, words: TradeWords) -> OracleTrade:
    """The trade with the side that the sign of its size says, where the venue writes sides so."""
    if not words.signed_size or not trade.size:
        return trade
    is_buy = (trade.size > 0) == (words.side_of == "taker")
    return trade._replace(size=abs(trade.size), side="BUY" if is_buy else "SELL")


def _unframed(value: bytes) -> tuple[int, bytes]:
    if len(value) < 5 or value[0] != 0:
        raise Refused(Reason.BAD_FRAME)
    return int.from_bytes(value[1:5], "big"), value[5:]


def _parts(path: str) -> list[str]:
    """``data[].p`` is data, every item of it, p."""
    return [part for part in path.replace(ITEMS, "." + ITEMS).split(".") if part or ITEMS not in path]


def _json_record(value: bytes, kinds: tuple[type, ...]) -> Any:
    try:
        text = value.decode("utf-8", "surrogatepass")
        record = json.loads(text, parse_float=_json_number)  # NaN and Infinity are taken
    except (ValueError, RecursionError):
        raise Refused(Reason.CORRUPT) from None
    if not isinstance(record, kinds):
        raise Refused(Reason.CORRUPT)
    return record


def _json_number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent alone is out of what a Decimal holds
        mantissa, _, exponent = text.lower().partition("e")
        far = Decimal("1e-99") if exponent.startswith("-") else Decimal("1e99")
        return far.copy_sign(Decimal(mantissa)) if Decimal(mantissa) else Decimal(0)
