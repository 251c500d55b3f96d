"""Messages decode to exact Decimals, and a delta applies to one state only."""

from decimal import Decimal

import msgspec
import pytest

from tests.client_messages import BarMessage, Delta, Snapshot, apply, decode_batch, decode_message, encode

SNAPSHOT = (
    b'{"type":"snapshot","symbol":"A","price":0.1000000001,"bid":null,"ask":2,"volume":1,"open":1,"high":1,"low":1,'
    b'"previousClose":null,"change":null,"changePercent":null,"timestamp":5,"sequence":7,"exchange":"X"}'
)
DELTA = b'{"type":"delta","symbol":"A","bid":1.5,"changePercent":-0.0001,"timestamp":6,"sequence":9,"previous":7}'
BAR = (
    b'{"type":"bar","symbol":"A","interval":"1m","time":60000,"open":1,"high":1,"low":1,"close":1,"volume":0,'
    b'"quoteVolume":0.00000000000000000001,"vwap":null,"tradeCount":2,"buyVolume":0,"stddev":0,"final":false,'
    b'"revision":0,"sequence":3}'
)


def test_numbers_keep_every_digit() -> None:
    snapshot, delta, bar = decode_batch(b"[" + SNAPSHOT + b"," + DELTA + b"," + BAR + b"]")
    assert isinstance(snapshot, Snapshot)
    assert snapshot.price == Decimal("0.1000000001")
    assert isinstance(delta, Delta)
    assert delta.change_percent == Decimal("-0.0001")
    assert isinstance(bar, BarMessage)
    assert bar.quote_volume == Decimal("1E-20")
    assert bar.vwap is None


@pytest.mark.parametrize("text", [SNAPSHOT, DELTA, BAR])
def test_what_is_written_reads_as_the_same(text: bytes) -> None:
    message = decode_message(text)
    assert decode_message(encode(message)) == message
    assert set(msgspec.json.decode(encode(message))) == set(msgspec.json.decode(text))


def test_a_delta_changes_what_it_names() -> None:
    snapshot, delta = decode_message(SNAPSHOT), decode_message(DELTA)
    assert isinstance(snapshot, Snapshot)
    assert isinstance(delta, Delta)
    after = apply(snapshot, delta)
    assert (after.bid, after.ask, after.price) == (Decimal("1.5"), 2, snapshot.price)
    assert (after.sequence, after.timestamp, after.exchange) == (9, 6, "X")
    with pytest.raises(ValueError, match="applies to 7, not to A 9"):
        apply(after, delta)


def test_anything_else_is_refused() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_message(b'{"type":"other"}')
