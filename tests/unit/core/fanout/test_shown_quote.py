"""Which bid and ask are shown, and how messages are written anew for them."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fanout.messages import Fields, TickerMessage
from core.fanout.shown_quote import beside_quote, shown_quote
from oracle.quotes import mid_of, shows_quote, spread_of

QUOTE: dict[str, Any] = {
    "symbol": "A", "bid": 1.1, "ask": 1.3, "bidSize": 5, "askSize": 6, "mid": 1.2, "spread": 0.2,
    "quoteTimestamp": 100, "quoteSequence": 7, "exchange": "X",
}  # fmt: skip


def raws(fields: dict[str, Any]) -> Fields:
    return msgspec.json.decode(json.dumps(fields), type=Fields)


def values(fields: Fields) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(fields), parse_float=Decimal, parse_int=Decimal)
    return found


def ticker(time_ms: int, bid: object = 1, ask: object = 2) -> Fields:
    return raws({"symbol": "A", "price": 9, "bid": bid, "ask": ask, "timestamp": time_ms, "sequence": 3})


@pytest.mark.parametrize(
    ("time_ms", "bid", "ask", "quote"),
    [(99, 1, 2, True), (100, 1, 2, True), (101, 1, 2, False), (101, None, 2, True), (101, 1, None, True)],
)
def test_the_later_time_wins_and_of_equal_ones_the_quote(time_ms: int, bid: object, ask: object, quote: bool) -> None:
    shown = values(shown_quote(ticker(time_ms, bid, ask), raws(QUOTE)))
    assert (shown["bidSize"] == 5) == quote
    assert shown["quoteSequence"] == 7
    assert shown["quoteTimestamp"] == max(time_ms if not quote else 0, 100)
    if not quote:
        assert (shown["bid"], shown["ask"], shown["mid"], shown["spread"]) == (1, 2, Decimal("1.5"), 1)


prices = st.decimals("0.0000000001", "999999999999999999.9999999999", places=10)


@given(prices, prices, st.integers(0, 200), st.integers(0, 200_000), st.booleans())
def test_it_is_the_oracles_choice_with_all_digits(
    bid: Decimal, ask: Decimal, ticker_ms: int, quote_us: int, has_both: bool
) -> None:
    told = b'{"bid":%s,"ask":%s,"timestamp":%d}' % (
        f"{bid:f}".encode() if has_both else b"null",
        f"{ask:f}".encode(),
        ticker_ms,
    )
    quote = raws({**QUOTE, "quoteTimestamp": quote_us // 1000})
    shown = shown_quote(msgspec.json.decode(told, type=Fields), quote)
    if shows_quote(ticker_ms, has_both, quote_us):
        assert shown == {name: quote[name] for name in shown}
        return
    for name, exact in (("mid", mid_of(bid, ask)), ("spread", spread_of(bid, ask))):
        text = bytes(shown[name]).decode()
        assert (None if text == "null" else Decimal(text)) == exact
        assert "E" not in text
        assert not ("." in text and text.endswith(("0", ".")))


def told(messages: list[TickerMessage]) -> list[dict[str, Any]]:
    return [json.loads(message.raw) for message in messages]


def test_messages_of_trades_lose_their_sides_and_the_last_brings_what_changed() -> None:
    first = TickerMessage("A", 4, 3, b'{"type":"delta","bid":1,"ask":2,"price":3,"sequence":4,"previous":3}', 3)
    whole = TickerMessage("A", 5, None, b'{"type":"snapshot","bid":null,"ask":2,"sequence":5}', 4)
    shown = raws({"bid": 7, "ask": 8})
    changed = raws({"ask": 8})
    assert told(beside_quote([first, whole, first], changed, shown, ticker(1))) == [
        {"type": "delta", "price": 3, "sequence": 4, "previous": 3},
        {"type": "snapshot", "sequence": 5, "bid": 7, "ask": 8},
        {"type": "delta", "price": 3, "sequence": 4, "previous": 3, "ask": 8},
    ]
    (last,) = beside_quote([whole], changed, shown, ticker(1))
    assert json.loads(last.raw) == {"type": "snapshot", "sequence": 5, "bid": 7, "ask": 8}
    assert (last.symbol, last.sequence, last.previous, last.link) == ("A", 5, None, 4)


def test_a_quote_alone_leads_from_a_sequence_to_itself() -> None:
    (message,) = beside_quote([], raws({"bid": 7}), raws({"bid": 7, "ask": 8}), ticker(11))
    assert list(json.loads(message.raw).items()) == [
        ("type", "delta"), ("symbol", "A"), ("bid", 7), ("timestamp", 11), ("sequence", 3), ("previous", 3),
    ]  # fmt: skip
    assert (message.symbol, message.sequence, message.previous, message.link) == ("A", 3, 3, 3)
    assert beside_quote([], {}, raws({"bid": 7}), ticker(11)) == []
