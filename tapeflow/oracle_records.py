"""Reads trades from record values for the oracle, and recomputes every refusal.

``tapeflow verify``, the demo and the tests hand in what a Kafka consumer gave them, and pass what comes out to
tapeflow.oracle. Law: it shares no code with connectors or core; the rules of values stand here once more, in plain
Python, so that "rejected" is proved like any number.
"""

import json
import math
import re
import struct
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from typing import Any, Final

from schemas.avro import WriterSchema, shipped_schema
from schemas.rejects import Reason
from tapeflow.oracle import EXACT, SCALE_10, OracleReject, OracleTrade
from tapeflow.oracle_avro import AvroReader, CorruptValue, Fixed, Single, Timed, Unscaled
from tapeflow.oracle_ids import id_of_number

__all__ = ["OracleReader", "check_values"]

SYMBOL: Final = re.compile(r"[A-Za-z0-9._\-/:]{1,64}", re.ASCII)
FIELDS: Final = ("symbol", "price", "size", "side", "trade_id", "event_time", "exchange", "bid", "ask")
TEXT_BYTES_MAX: Final = 65_535
WHOLE_DIGITS_MAX: Final = 18
ORDERS_KEPT: Final = 1000
YEAR_2300_US: Final = 10_413_792_000_000_000
TIME_US_MAX: Final = 2**63 - 1
UNIT_NS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1, "days": 86_400 * 10**9}
ISO_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


class OracleReader:
    """Record values to trades, by the settings of the flow that is checked.

    schema_of gives the writer schema of an id (None: unknown); for plain Avro it is asked for the id 1.
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
    ) -> None:
        self._value_format = value_format
        self._schema_of = schema_of
        self._paths = {field: (field_map or {}).get(field, field).split(".") for field in FIELDS}
        self._time_unit = time_unit
        self._future_us = future_us
        self._value_bytes_max = value_bytes_max
        self._requeued = requeued
        self._readers: dict[int, AvroReader | None] = {}
        self._orders: dict[tuple[str, ...], list[str]] = {}

    def read(self, partition: int, offset: int, timestamp_ms: int, value: bytes | None) -> OracleTrade | OracleReject:
        """The trade, or why there is none. ``timestamp_ms`` is Kafka's, -1 where the record has none."""
        if (partition, offset, timestamp_ms) in self._requeued:
            return OracleReject(partition, offset, Reason.REQUEUED)
        try:
            with localcontext(EXACT):
                fields = self._fields(value)
                trade = _trade(fields, partition, offset, timestamp_ms)
                reason = check_values(trade, self._future_us)
        except _Refused as refused:
            reason = refused.reason
        return trade if reason is Reason.NONE else OracleReject(partition, offset, reason)

    def _fields(self, value: bytes | None) -> dict[str, Any]:
        if not value:
            raise _Refused(Reason.EMPTY_VALUE)
        if len(value) > self._value_bytes_max:
            raise _Refused(Reason.TOO_LARGE)
        if self._value_format == "json":
            record = _json_record(value)
        else:
            schema_id, body = _unframed(value) if self._value_format == "confluent" else (1, value)
            record = self._avro_record(schema_id, body)
        if not isinstance(record, dict):
            raise _Refused(Reason.MISSING_FIELD)
        return {field: self._field(record, field) for field in self._in_order(tuple(record))}

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
            raise _Refused(Reason.UNKNOWN_SCHEMA)
        try:
            return reader.read(body)
        except CorruptValue:
            raise _Refused(Reason.CORRUPT) from None

    def _field(self, record: Any, field: str) -> Any:
        value = record
        for part in self._paths[field]:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            return None
        if field == "event_time":
            return _time_us(value, self._time_unit)
        if field in ("price", "size", "bid", "ask"):
            number = _number(value)
            if not _fits(number):
                raise _Refused(Reason.OUT_OF_RANGE)
            return number
        if field == "side":
            return _side(value)
        text = _text(id_of_number(value) if field == "trade_id" else value)
        if _size_bytes(text) > TEXT_BYTES_MAX:
            raise _Refused(Reason.TOO_LARGE)
        return text


def check_values(trade: OracleTrade, future_us: int) -> Reason:
    """The rules of values: the first one that ``trade`` breaks, or Reason.NONE."""
    if not all(_fits(number) for number in (trade.price, trade.size, trade.bid, trade.ask) if number is not None):
        return Reason.OUT_OF_RANGE
    if not SYMBOL.fullmatch(trade.symbol):
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


def _fits(number: Decimal) -> bool:
    # The exponent is looked at first, as arithmetic on 1e999999999 would not end.
    return not number or (-11 < number.adjusted() < WHOLE_DIGITS_MAX and number == number.quantize(SCALE_10))


def _trade(fields: Mapping[str, Any], partition: int, offset: int, timestamp_ms: int) -> OracleTrade:
    if any(fields[name] is None for name in ("symbol", "price", "size", "event_time")):
        raise _Refused(Reason.MISSING_FIELD)
    return OracleTrade(
        partition=partition,
        offset=offset,
        timestamp_ms=timestamp_ms,
        event_time_us=fields["event_time"],
        symbol=fields["symbol"],
        price=fields["price"],
        size=fields["size"],
        side={"BUY": "BUY", "B": "BUY", "SELL": "SELL", "S": "SELL"}.get((fields["side"] or "").upper(), "UNKNOWN"),
        trade_id=fields["trade_id"] or "",
        exchange=fields["exchange"] or "",
        bid=fields["bid"],
        ask=fields["ask"],
    )


def _unframed(value: bytes) -> tuple[int, bytes]:
    if len(value) < 5 or value[0] != 0:
        raise _Refused(Reason.BAD_FRAME)
    return int.from_bytes(value[1:5], "big"), value[5:]


def _json_record(value: bytes) -> Any:
    try:
        text = value.decode("utf-8", "surrogatepass")
        record = json.loads(text, parse_float=_json_number, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _Refused(Reason.CORRUPT) from None
    if not isinstance(record, dict):
        raise _Refused(Reason.CORRUPT)
    return record


def _json_number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent alone is out of what a Decimal holds
        mantissa, _, exponent = text.lower().partition("e")
        far = Decimal("1e-99") if exponent.startswith("-") else Decimal("1e99")
        return far.copy_sign(Decimal(mantissa)) if Decimal(mantissa) else Decimal(0)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _number(value: Any) -> Decimal:
    if isinstance(value, Timed):
        return Decimal(value.number)
    if isinstance(value, Unscaled):
        return Decimal(value.number).scaleb(-value.scale)
    if isinstance(value, float):
        value = _shortest_single(value) if isinstance(value, Single) else repr(value)
    if isinstance(value, bytes) and not isinstance(value, Fixed):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.strip(" ")
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value, re.ASCII):
            raise _Refused(Reason.BAD_VALUE)
    elif type(value) not in (int, Decimal):
        raise _Refused(Reason.BAD_VALUE)
    try:
        return Decimal(value)
    except InvalidOperation:  # the exponent alone is out of what a Decimal holds
        raise _Refused(Reason.OUT_OF_RANGE) from None


def _shortest_single(value: float) -> str:
    """The shortest text that reads back as the same single-precision float."""
    if not math.isfinite(value):
        return repr(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, 18))
    return next(text for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Timed):
        value = value.number
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise _Refused(Reason.BAD_VALUE)


def _side(value: Any) -> str:
    if isinstance(value, str | bytes):
        return _text(value)
    if isinstance(value, int | Timed) and not isinstance(value, bool):
        return ""  # no number means a side
    raise _Refused(Reason.BAD_VALUE)


def _size_bytes(text: str) -> int:
    # A lone surrogate is a byte that wasn't UTF-8, or an escape of JSON's that no text may hold.
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))


def _time_us(value: Any, time_unit: str) -> int:
    if isinstance(value, Unscaled):
        raise _Refused(Reason.BAD_VALUE)
    unit = value.unit if isinstance(value, Timed) else time_unit
    if isinstance(value, bytes) and not isinstance(value, Fixed):
        value = value.decode("ascii", "replace")
    if isinstance(value, str) and re.match(r" *\d{4}-\d\d-\d\d", value):
        return _iso_time_us(value.strip(" "))
    number = _number(value)
    if isinstance(value, float):
        number = Decimal(value)  # a time is what the float holds; a price is what its text says
    if number and number.adjusted() > WHOLE_DIGITS_MAX:
        raise _Refused(Reason.OUT_OF_RANGE)
    if unit == "auto":
        size = abs(number)
        unit = "s" if size < 10**11 else "ms" if size < 10**14 else "us" if size < 10**17 else "ns"
    microseconds = number * UNIT_NS[unit] / 1000
    return min(
        int(microseconds.to_integral_value(ROUND_HALF_EVEN if isinstance(value, float) else ROUND_FLOOR)), TIME_US_MAX
    )


def _iso_time_us(text: str) -> int:
    found = ISO_TIME.fullmatch(text)
    if not found:
        raise _Refused(Reason.BAD_VALUE)
    *moment, fraction, sign, zone_hours, zone_minutes = found.groups(default="0")
    year, month, day, hour, minute, second = map(int, moment)
    try:
        time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _Refused(Reason.BAD_VALUE) from None
    east = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    if east >= timedelta(hours=24) or int(zone_minutes) > 59:
        raise _Refused(Reason.BAD_VALUE)
    since = time - EPOCH - (-east if sign == "-" else east)
    return since // timedelta(microseconds=1) + int(f"{fraction:0<6}"[:6])
