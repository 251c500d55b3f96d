"""Answers of polled vendors, as their documentation has them, and what is no quote."""

from dataclasses import replace
from typing import Any

import pytest

from feeds.polled import Polled, is_pollable
from feeds.rows import Told
from tests.servers.vendor import ALPHA_VANTAGE, TWELVE_DATA_PRICE, TWELVE_DATA_QUOTE

RECEIVED_US = 1_700_000_000_123_456
ALPHA = Polled(
    "https://a/query?function=GLOBAL_QUOTE&symbol={symbol}&apikey={key}", "/Global Quote/05. price", key="K&1"
)
TWELVE = Polled("https://t/quote?symbol={symbol}", "/close", time="/last_quote_at", exchange="TWELVE")
PLAIN = Polled("https://p/?s={symbol}", "/price")


def told(polled: Polled, body: str, symbol: str = "AAPL") -> Told:
    return polled.told(f"{symbol} {body}".encode(), RECEIVED_US)


def trade(polled: Polled, body: str, symbol: str = "AAPL") -> tuple[Any, ...]:
    found = told(polled, body, symbol)
    assert found.unreadable is None, found.unreadable
    (row,) = found.trades
    return row.symbol, bytes(row.price).decode(), bytes(row.size).decode(), row.trade_id, row.event_time


def test_the_vendors_answers() -> None:
    assert trade(ALPHA, ALPHA_VANTAGE % ("AAPL", "189.9000")) == ("AAPL", '"189.9000"', "0", "", RECEIVED_US)
    assert trade(PLAIN, TWELVE_DATA_PRICE % "200.99001") == ("AAPL", '"200.99001"', "0", "", RECEIVED_US)
    quote = TWELVE_DATA_QUOTE % ("AAPL", "148.85001")
    assert trade(TWELVE, quote) == ("AAPL", '"148.85001"', "0", "1795791540000000-148.85001", 1_795_791_540_000_000)
    sized = replace(TWELVE, size="/volume")
    assert trade(sized, quote)[2] == '"67903927"'


def test_numbers_keep_every_digit() -> None:
    price = "0.51170000000000004000000000000000000001"
    assert trade(PLAIN, f'{{"price": {price}}}')[1] == price


@pytest.mark.parametrize(
    ("unit", "time", "found"),
    [
        ("s", "1700000000", 1_700_000_000_000_000),
        ("s", "1700000000.123", 1_700_000_000_123_000),
        ("s", '"1700000000.1234567"', 1_700_000_000_123_456),
        ("ms", "1700000000123", 1_700_000_000_123_000),
        ("us", "1700000000123456", 1_700_000_000_123_456),
        ("s", '"2026-01-31T09:30:00Z"', "2026-01-31T09:30:00Z"),
    ],
)
def test_times(unit: Any, time: str, found: int | str) -> None:
    polled = replace(PLAIN, time="/t", time_unit=unit)
    assert trade(polled, f'{{"price":1,"t":{time}}}')[4] == found


def test_pointers_into_lists_and_through_odd_names() -> None:
    assert trade(replace(PLAIN, price="/a~1b/1/~0"), '{"a/b":[0,{"~":"7"}]}')[1] == '"7"'
    for missing in ("/a/2", "/a/x", "/b", "/a/0/c"):
        assert told(replace(PLAIN, price=missing), '{"a":[1,2]}').unreadable is not None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<html>", "malformed"),
        ("[" * 100_000, "recursion"),
        ('{"price":' + "[" * 100_000, "recursion"),
        ("", "truncated"),
        ("{}", "nothing at /price"),
        ("3", "nothing at /price"),
        ('{"price":null}', "nothing at /price"),
        ('{"price":""}', "nothing at /price"),
        ('{"price":[1]}', "neither a number nor a text"),
        ('{"code":404,"message":"**symbol** not found: X","status":"error"}', "**symbol** not found: X"),
        ('{"Error Message":"Invalid API call."}', "Invalid API call."),
    ],
)
def test_what_is_no_quote(body: str, reason: str) -> None:
    found = told(PLAIN, body)
    assert found.trades == []
    assert found.unreadable is not None
    assert reason in found.unreadable.reason


@pytest.mark.parametrize("time", ["null", '"2026-01-31"', '"soon"', "-5", "1e9", '"2026-01-31T09:30:00"'])
def test_a_time_that_nobody_can_place(time: str) -> None:
    found = told(replace(PLAIN, time="/t"), f'{{"price":1,"t":{time}}}')
    assert found.unreadable is not None
    assert "no time with a zone at /t" in found.unreadable.reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"Note":"5 calls per minute"}', "5 calls per minute"),
        ('{"Information":"25 requests per day"}', "25 requests per day"),
        ('{"code":429,"message":"You have run out of API credits"}', "You have run out of API credits"),
        ('{"code":429}', "too much was asked for"),
    ],
)
def test_a_vendor_that_asks_to_wait(body: str, words: str) -> None:
    found = told(PLAIN, body)
    assert found.notice is not None
    assert (found.notice.kind, found.notice.symbols, found.notice.words) == ("failed", ("AAPL",), words)


def test_the_key_is_in_the_address_alone() -> None:
    assert ALPHA.address("BTC/USD") == "https://a/query?function=GLOBAL_QUOTE&symbol=BTC%2FUSD&apikey=K%261"
    assert ALPHA.hidden(b"your API key as K&1, K%261") == b"your API key as ***, ***"
    assert "K&1" not in repr(ALPHA)
    assert PLAIN.hidden(b"anything") == b"anything"


def test_what_can_be_asked_for() -> None:
    assert all(map(is_pollable, ("AAPL", "BTC/USD", "BRK.B", "^GSPC")))
    assert not any(map(is_pollable, ("", "A B", "A\n", "\u5e01", "A" * 65)))
