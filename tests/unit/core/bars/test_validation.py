"""The rules of values, each at both of its edges, and their order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bars.validation import validate
from kernels.decimal_text import to_pair
from schemas.columns import TRADE, TradeRows
from schemas.rejects import Reason

FUTURE_US = 60_000_000
STAMP_MS = 1_700_000_000_000


def reason_of(
    *,
    symbol: bytes = b"BTC/USDT",
    trade_id: bytes = b"1",
    exchange: bytes = b"X",
    price: int = 1,
    size: int = 0,
    bid: int | None = None,
    ask: int | None = None,
    event_time_us: int = STAMP_MS * 1000,
    timestamp_ms: int = STAMP_MS,
    before: Reason = Reason.NONE,
) -> Reason:
    rows: TradeRows = np.zeros(1, TRADE)
    row, text = rows[0], b"padding"
    for name, value in (("symbol", symbol), ("trade_id", trade_id), ("exchange", exchange)):
        row[f"{name}_at"], row[f"{name}_len"] = len(text), len(value)
        text += value
    for name, number in (("price", price), ("size", size), ("bid", bid), ("ask", ask)):
        row[f"{name}_hi"], row[f"{name}_lo"] = to_pair(number or 0)
        if name in ("bid", "ask"):
            row[f"has_{name}"] = number is not None
    row["event_time_us"], row["timestamp_ms"], row["reason"] = event_time_us, timestamp_ms, before
    validate(rows, text, FUTURE_US)
    return Reason(int(row["reason"]))


@pytest.mark.parametrize("symbol", [b"A", b"z9._-/:", b"A" * 64])
def test_good_symbols(symbol: bytes) -> None:
    assert reason_of(symbol=symbol) is Reason.NONE


@pytest.mark.parametrize("symbol", [b"", b"A" * 65, b"A ", b"A\n", "A\u200b".encode(), b"A\0", b"A,B", b"\xff", b".."])
def test_bad_symbols(symbol: bytes) -> None:
    assert reason_of(symbol=symbol) is Reason.BAD_SYMBOL


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (1, Reason.NONE),
        (0, Reason.PRICE_NOT_POSITIVE),
        (-1, Reason.PRICE_NOT_POSITIVE),
        (-(10**28) + 1, Reason.PRICE_NOT_POSITIVE),
        (10**28 - 1, Reason.NONE),
        (2**64, Reason.NONE),
        (10**28, Reason.OUT_OF_RANGE),
        (-(10**28), Reason.OUT_OF_RANGE),
        (2**126, Reason.OUT_OF_RANGE),
        (-(2**127), Reason.OUT_OF_RANGE),
    ],
)
def test_prices(price: int, reason: Reason) -> None:
    assert reason_of(price=price) is reason


@pytest.mark.parametrize(
    ("size", "reason"), [(0, Reason.NONE), (-1, Reason.SIZE_NEGATIVE), (10**28, Reason.OUT_OF_RANGE)]
)
def test_sizes(size: int, reason: Reason) -> None:
    assert reason_of(size=size) is reason


def test_bid_and_ask_are_held_to_the_range_alone() -> None:
    assert reason_of(bid=-5, ask=0) is Reason.NONE
    assert reason_of(bid=10**28) is Reason.OUT_OF_RANGE
    assert reason_of(ask=-(10**28)) is Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("event_time_us", "timestamp_ms", "reason"),
    [
        (0, STAMP_MS, Reason.NONE),
        (-1, STAMP_MS, Reason.BEFORE_1970),
        (-(2**63), 0, Reason.BEFORE_1970),
        (STAMP_MS * 1000 + FUTURE_US, STAMP_MS, Reason.NONE),
        (STAMP_MS * 1000 + FUTURE_US + 1, STAMP_MS, Reason.FUTURE_TIME),
        (FUTURE_US + 1, 0, Reason.FUTURE_TIME),
        (2**63 - 1, STAMP_MS, Reason.FUTURE_TIME),
        (STAMP_MS * 2000, -1, Reason.NONE),
        (10_413_792_000_000_000, -1, Reason.OUT_OF_RANGE),
        (10_413_791_999_999_999, -1, Reason.NONE),
        (STAMP_MS * 1000, 2**63 - 1, Reason.NONE),
    ],
)
def test_times(event_time_us: int, timestamp_ms: int, reason: Reason) -> None:
    assert reason_of(event_time_us=event_time_us, timestamp_ms=timestamp_ms) is reason


def test_the_first_rule_names_the_reason_and_an_earlier_reason_stays() -> None:
    assert reason_of(symbol=b"", price=0, size=-1) is Reason.BAD_SYMBOL
    assert reason_of(price=0, size=-1) is Reason.PRICE_NOT_POSITIVE
    assert reason_of(symbol=b"", before=Reason.CORRUPT) is Reason.CORRUPT


def expect_utf8(text: bytes) -> None:
    try:
        text.decode()
        expected = Reason.NONE
    except UnicodeDecodeError:
        expected = Reason.BAD_VALUE
    assert reason_of(trade_id=text) is expected
    assert reason_of(exchange=text) is expected


@given(st.binary(max_size=12))
def test_text_is_utf8(text: bytes) -> None:
    expect_utf8(text)


@given(st.text(max_size=6), st.integers(0, 23), st.integers(0, 255))
def test_text_one_byte_away_from_utf8(text: str, at: int, byte: int) -> None:
    changed = bytearray(text.encode())
    if at < len(changed):
        changed[at] = byte
    expect_utf8(bytes(changed))


def test_no_rows_are_no_trouble() -> None:
    validate(np.zeros(0, TRADE), b"", FUTURE_US)
