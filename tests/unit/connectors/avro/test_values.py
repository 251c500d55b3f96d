"""Avro decimals: of any scale and width, read exactly where the value fits, refused where it doesn't."""

from decimal import Decimal

import pytest

from connectors.avro.decoder import AvroDecoder
from schemas.avro import WriterSchema
from schemas.columns import TradeBatch
from schemas.rejects import Reason
from schemas.trade_words import TradeWords
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


def priced(unscaled: int, scale: int, size: int = 0, words: TradeWords | None = None) -> TradeBatch:
    """A batch of one trade, whose price is a decimal of ``size`` bytes (0: as few as it needs)."""
    data = unscaled.to_bytes(size or unscaled.bit_length() // 8 + 1, "big", signed=True)
    body = avro_value(record_of(price="bytes"), {"symbol": "X", "price": data, "size": 1.0, "event_time": SECOND})
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": scale}
    return AvroDecoder("none", schema=WriterSchema(record_of(price=kind)), words=words).decode(raw_batch([body]))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_decimal_at_the_edges_of_words_keeps_its_sign(sign: int) -> None:
    # Of 17 bytes the first is no copy of the sign of the 16 behind it.
    unscaled = (2**127 // 10**20 + 1) * 10**20
    for number, scale, units in ((unscaled, 30, unscaled // 10**20), (2**64, 10, 2**64), (3 * 2**64, 10, 3 * 2**64)):
        batch = priced(sign * number, scale)
        assert [trade["price"] for trade in trades_of(batch)] == [sign * units], batch.rejects


def test_what_a_wide_decimal_loses_first_still_tells_a_tie_from_more() -> None:
    words = TradeWords(round_numbers=True)
    tie = (500_000_000_000 * 10 + 5) * 10**27
    found = [trades_of(priced(number, 38, words=words))[0]["price"] for number in (tie, tie + 1)]
    assert found == [500_000_000_000, 500_000_000_001]
    # Its last 16 bytes are all 0: 128 bits can't hold what they are the end of.
    assert trades_of(priced(-(2**128), 30, words=words))[0]["price"] == -round(Decimal(2**128) / 10**20)


def test_an_index_just_behind_the_symbols_of_an_enum_is_corrupt() -> None:
    schema = record_of(symbol={"type": "enum", "name": "E", "symbols": ["A", "B"]})
    good = avro_value(schema, {"symbol": "B", "price": 1.0, "size": 1.0, "event_time": SECOND})
    assert good[:1] == b"\x02"
    batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([good, b"\x04" + good[1:]]))
    assert ([trade["symbol"] for trade in trades_of(batch)], reasons_of(batch)) == ([b"B"], [Reason.CORRUPT])
