"""Avro decimals: of any scale and width, read exactly where the value fits, refused where it doesn't."""

from decimal import Decimal

import pytest

from connectors.avro.decoder import AvroDecoder
from schemas.avro import WriterSchema
from schemas.rejects import Reason
from tests.unit.connectors.batches import avro_value, raw_batch, reasons_of, record_of, trades_of

SECOND = 1_700_000_000


@pytest.mark.parametrize("scale", [0, 2, 10, 12, 30])
@pytest.mark.parametrize("size", [0, 4, 16, 40])
def test_decimals_of_any_scale_in_bytes_and_fixed(scale: int, size: int) -> None:
    for price in (Decimal(5), Decimal(-7), Decimal("0.01") if scale else Decimal(1)):
        unscaled = int(price.scaleb(scale))
        length = size or (unscaled.bit_length() + 8) // 8
        if unscaled.bit_length() >= 8 * length:
            continue
        data = unscaled.to_bytes(length, "big", signed=True)
        kind = {"type": "fixed", "name": "F", "size": size} if size else {"type": "bytes"}
        body = avro_value(record_of(price=kind), {"symbol": "X", "price": data, "size": 1.0, "event_time": SECOND})
        schema = record_of(price=kind | {"logicalType": "decimal", "precision": 38, "scale": scale})
        batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([body]))
        assert [trade["price"] for trade in trades_of(batch)] == [int(price * 10**10)]


def test_a_decimal_that_does_not_fit_is_out_of_range() -> None:
    def body(unscaled: int) -> bytes:
        data = unscaled.to_bytes(30, "big", signed=True)
        return avro_value(record_of(price="bytes"), {"symbol": "X", "price": data, "size": 1.0, "event_time": SECOND})

    for scale, fits, too_much in ((10, 10**28 - 1, 10**28), (2, 10**20 - 1, 10**20), (12, 100, 101), (40, 0, 1)):
        kind = {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": scale}
        decoder = AvroDecoder("none", schema=WriterSchema(record_of(price=kind)))
        batch = decoder.decode(raw_batch([body(fits), body(too_much), body(-too_much), body(2**130), body(-fits)]))
        assert [int(row["offset"]) for row in batch.rows] == [100, 104]
        assert reasons_of(batch) == [Reason.OUT_OF_RANGE] * 3


@pytest.mark.parametrize(("scale", "size"), [(38, 40), (30, 17), (127, 60), (140, 64)])
def test_a_wide_decimal_is_read_where_its_value_fits(scale: int, size: int) -> None:
    def body(unscaled: int) -> bytes:
        data = unscaled.to_bytes(size, "big", signed=True)
        return avro_value(record_of(price="bytes"), {"symbol": "X", "price": data, "size": 1.0, "event_time": SECOND})

    price = 500_000_000_005 * 10 ** (scale - 10)
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 150, "scale": scale}
    decoder = AvroDecoder("none", schema=WriterSchema(record_of(price=kind)))
    batch = decoder.decode(raw_batch([body(price), body(-price), body(price + 1), body(2 ** (8 * size - 1) - 1)]))
    assert [trade["price"] for trade in trades_of(batch)] == [500_000_000_005, -500_000_000_005]
    assert reasons_of(batch) == [Reason.OUT_OF_RANGE] * 2


def test_a_decimal_is_no_text() -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 0}
    value = {"symbol": "X", "price": 1.0, "size": 1.0, "event_time": SECOND, "trade_id": b"00"}
    body = avro_value(record_of(trade_id="bytes"), value)
    batch = AvroDecoder("none", schema=WriterSchema(record_of(trade_id=kind))).decode(raw_batch([body]))
    assert reasons_of(batch) == [Reason.BAD_VALUE]
