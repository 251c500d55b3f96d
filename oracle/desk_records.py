"""Reads a desk's records for the oracle: decisions, providers' figures and states of exposure, in plain Python.

``tapeflow verify``, the demo and the killer hand in what a Kafka consumer gave them, and pass what comes out to the
oracles of a desk. It is written from docs/analytics.md and shares no code with connectors. What can't be used is None.
"""

import json
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from typing import Any, Final

from oracle.avro import AvroReader, CorruptValue, Timed, Unscaled
from oracle.desk import OracleDecision
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from oracle.records import is_symbol
from schemas.avro import WriterSchema, shipped_schema

__all__ = ["DeskReader", "OracleDeskRecord"]

OracleDeskRecord = OracleDecision | OracleLpRecord | OracleState
Place = tuple[int, int, int, int]
"""Partition, offset, Kafka's time in ms, event time in us."""
Maker = Callable[[Place, dict[str, Any]], OracleDeskRecord]
EXACT: Final = Context(prec=200)
DIGITS_MAX: Final = 60
WIDE: Final = Decimal(10) ** 18
NARROW: Final = Decimal(900_000_000)
UNIT: Final = Decimal(1).scaleb(-10)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
YEAR_2300_US: Final = 10_413_792_000_000_000
US_OF: Final = {"ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("0.001")}


class Unusable(Exception):
    """The record is refused."""


class DeskReader:
    """Of one kind: routing, lp or exposure. schema_of gives the writer schema of an id, None where there is none.

    requeued: (partition, offset, Kafka's time in ms) of records that were put back, whose copies count instead.
    """

    def __init__(
        self,
        kind: str,
        *,
        schema_of: Callable[[int], WriterSchema | None] = shipped_schema,
        future_us: int = 60_000_000,
        value_bytes_max: int = 1_000_000,
        requeued: Collection[tuple[int, int, int]] = (),
    ) -> None:
        makers: dict[str, Maker] = {"routing": _decision, "lp": _figures, "exposure": _state}
        self._make = makers[kind]
        self._schema_of = schema_of
        self._future_us = future_us
        self._value_bytes_max = value_bytes_max
        self._requeued = requeued
        self._readers: dict[int, AvroReader | None] = {}

    def read(self, partition: int, offset: int, timestamp_ms: int, value: bytes | None) -> OracleDeskRecord | None:
        """``timestamp_ms`` is Kafka's, -1 where the record has none."""
        if not value or len(value) > self._value_bytes_max or (partition, offset, timestamp_ms) in self._requeued:
            return None
        try:
            with localcontext(EXACT):
                fields = self._framed(value) if value[0] == 0 else _json_object(value)
                time_us = self._time_us(fields.get("eventTime"), timestamp_ms)
                return self._make((partition, offset, timestamp_ms, time_us), fields)
        except Unusable:
            return None

    def _framed(self, value: bytes) -> dict[str, Any]:
        if len(value) < 5:
            raise Unusable
        schema_id = int.from_bytes(value[1:5], "big")
        if schema_id not in self._readers:
            writer = self._schema_of(schema_id)
            self._readers[schema_id] = None if writer is None else AvroReader(writer)
        reader = self._readers[schema_id]
        if reader is None:
            raise Unusable
        try:
            record = reader.read(value[5:])
        except CorruptValue:
            raise Unusable from None
        if not isinstance(record, dict):
            raise Unusable
        return record

    def _time_us(self, value: Any, timestamp_ms: int) -> int:
        if value is None:
            if timestamp_ms < 0:
                raise Unusable
            return timestamp_ms * 1000
        time_us = _moment_us(value)
        is_ahead = timestamp_ms >= 0 and time_us > timestamp_ms * 1000 + self._future_us
        if is_ahead or not 0 <= time_us < YEAR_2300_US:
            raise Unusable
        return time_us


def _decision(place: Place, fields: dict[str, Any]) -> OracleDecision:
    side = _text(fields, "side", "").upper()
    volume = _amount(fields, "volume", WIDE)
    if side not in ("", "BUY", "SELL") or volume < 0:
        raise Unusable
    return OracleDecision(
        *place, _name(fields, "symbol"), side, volume, _name(fields, "routingDecision"),
        _name(fields, "lpSelected", ""), _whole_us(fields, "executionTimeMs"), _amount(fields, "spread", NARROW),
        _amount(fields, "slippage", NARROW),
    )  # fmt: skip


def _figures(place: Place, fields: dict[str, Any]) -> OracleLpRecord:
    quotes = _amount(fields, "quotesPerSecond", NARROW)
    if quotes < 0:
        raise Unusable
    return OracleLpRecord(
        *place, _name(fields, "lpName"), _name(fields, "status"), _amount(fields, "avgSpread", NARROW),
        _share(fields, "executionQuality", 1), _whole_us(fields, "latencyMs"), quotes,
        _share(fields, "rejectRate", 1), _share(fields, "uptime", 100),
    )  # fmt: skip


def _state(place: Place, fields: dict[str, Any]) -> OracleState:
    limit = None if fields.get("exposureLimit") is None else _amount(fields, "exposureLimit", WIDE)
    if limit is not None and limit < 0:
        raise Unusable
    return OracleState(
        *place, _name(fields, "symbol"), _name(fields, "lpName", ""), _name(fields, "book", ""),
        _amount(fields, "exposure", WIDE), limit,
    )  # fmt: skip


def _json_object(value: bytes) -> dict[str, Any]:
    def refuse(_constant: str) -> Any:
        raise ValueError("no number of JSON")

    try:
        record = json.loads(value.decode(), parse_float=_number, parse_int=_number, parse_constant=refuse)
    except (ValueError, RecursionError, InvalidOperation):
        raise Unusable from None
    if not isinstance(record, dict):
        raise Unusable
    return record


def _text(fields: dict[str, Any], name: str, missing: str | None = None) -> str:
    value = fields.get(name)
    if value is None and missing is not None:
        return missing
    if not isinstance(value, str):
        raise Unusable
    return value


def _name(fields: dict[str, Any], name: str, missing: str | None = None) -> str:
    """What a symbol may be; where it may be missing, nothing too."""
    text = _text(fields, name, missing)
    if not (is_symbol(text) or (missing == "" and not text)):
        raise Unusable
    return text


def _decimal(fields: dict[str, Any], name: str) -> Decimal:
    value = fields.get(name)
    if isinstance(value, Unscaled):
        value = Decimal(value.number).scaleb(-value.scale)
    try:
        number = _number(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise Unusable
    digits = number.as_tuple()
    if number.adjusted() > DIGITS_MAX or int(digits.exponent) < -DIGITS_MAX or len(digits.digits) > DIGITS_MAX:
        raise Unusable
    return number


def _number(value: str | int | Decimal) -> Decimal:
    return Decimal(value)


def _amount(fields: dict[str, Any], name: str, end: Decimal) -> Decimal:
    number = _decimal(fields, name)
    if abs(number) >= end or number != number.quantize(UNIT):
        raise Unusable
    return number


def _share(fields: dict[str, Any], name: str, most: int) -> Decimal:
    number = _amount(fields, name, NARROW)
    if not 0 <= number <= most:
        raise Unusable
    return number


def _whole_us(fields: dict[str, Any], name: str) -> int:
    us = int((_decimal(fields, name) * 1000).to_integral_value(ROUND_HALF_EVEN))
    if not 0 <= us < NARROW * 10**10:
        raise Unusable
    return us


def _moment_us(value: Any) -> int:
    """Microseconds since the epoch: of milliseconds, of ISO 8601 with its offset, of a time of Avro."""
    if isinstance(value, Timed):
        if value.unit not in US_OF:
            raise Unusable
        return int((value.number * US_OF[value.unit]).to_integral_value(ROUND_FLOOR))
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Unusable from None
        if moment.tzinfo is None:
            raise Unusable
        return (moment - EPOCH) // timedelta(microseconds=1)
    return int((_decimal({"": value}, "") * 1000).to_integral_value(ROUND_FLOOR))
