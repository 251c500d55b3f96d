"""Messages keep their bytes; only what orders them is read."""

import msgspec
import pytest

from core.fanout.messages import (
    BarMessage,
    TickerMessage,
    decode_bar,
    decode_batch,
    decode_moved,
    decode_quote,
    decode_quotes,
    decode_ticker,
)

DELTA = b'{"type":"delta","symbol":"A","price":0.12345678901234567890,"sequence":7,"previous":6}'
BAR = (
    b'{"type":"bar","symbol":"A","interval":"1m","time":60000,"final":true,"sequence":7,"volume":100000000000000000.1}'
)


def test_a_batch_keeps_order_and_digits() -> None:
    later, whole = b'{"type":"later","symbol":"A","sequence":1}', b'{"type":"snapshot","symbol":"A","sequence":8}'
    delta, bar, snapshot = decode_batch(b"[" + b", ".join((DELTA, BAR, later, whole)) + b"]")
    assert isinstance(snapshot, TickerMessage)
    assert (snapshot.raw, snapshot.previous) == (whole, None)
    assert isinstance(delta, TickerMessage)
    assert (delta.raw, delta.sequence, delta.previous) == (DELTA, 7, 6)
    assert bytes(delta.fields()["price"]) == b"0.12345678901234567890"
    assert isinstance(bar, BarMessage)
    assert (bar.raw, bar.start_ms, bar.final) == (BAR, 60000, True)


@pytest.mark.parametrize(
    "batch", [b"", b"{}", b"[1]", b"[{}]", b'[{"type":"delta","symbol":"A","sequence":1.5}]', b"\xff"]
)
def test_what_is_no_batch_is_a_value_error(batch: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        decode_batch(batch)


def test_an_equal_sequence_is_newer_only_where_it_closes_the_bar() -> None:
    closed = decode_bar(BAR)
    live = decode_bar(BAR.replace(b"true", b"false"))
    assert closed.newer_than(live)
    assert not live.newer_than(closed)
    assert not closed.newer_than(decode_bar(BAR))
    assert decode_ticker(b'{"type":"snapshot","symbol":"A","sequence":3}').previous is None


def test_symbols_whose_open_bar_moved_are_listed_by_interval() -> None:
    assert decode_moved(b"") == {}
    assert decode_moved(b'{"1m":["A","B"],"5m":[]}') == {"1m": ["A", "B"], "5m": []}
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        decode_moved(b"[1]")


def test_the_delta_after_the_first_trade_of_a_log_is_one() -> None:
    (message,) = decode_batch(b'[{"type":"delta","symbol":"A","sequence":1,"previous":0}]')
    assert isinstance(message, TickerMessage)
    assert message.previous == 0


def test_quotes_are_decoded_with_their_own_sequence() -> None:
    raw = b'{"type":"quote","symbol":"A","bid":1.10,"quoteSequence":7}'
    (message,) = decode_quotes(b"[" + raw + b"]")
    assert (message.symbol, message.sequence, message.raw) == ("A", 7, raw)
    assert message.fields()["bid"] == msgspec.Raw(b"1.10")
    assert decode_quote(raw).sequence == 7
    with pytest.raises(ValueError, match="quoteSequence"):
        decode_quotes(b'[{"symbol":"A"}]')
