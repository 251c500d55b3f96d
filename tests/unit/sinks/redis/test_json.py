"""JSON of tickers, deltas and bars: every digit, in the agreed order, absent values as agreed."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.decimal_text import plain
from schemas.columns import BarRow, TickerRow
from sinks.redis.encode import TextTable
from sinks.redis.json import Text, lost_a_value, put_bar, put_delta, put_snapshot, text_of
from tests.unit.sinks.rows import START_US, bars, tickers

NAME = Text(np.frombuffer(b"BTC/USDT", np.uint8), 0, 8)
EXACT = Context(prec=200)


def exchanges(*names: bytes) -> TextTable:
    table = TextTable()
    for name in names:
        table.add(name)
    return table


def bar_json(row: BarRow) -> str:
    buffer = np.zeros(2048, np.uint8)
    return bytes(buffer[: put_bar(buffer, 0, row, NAME, 3)]).decode()


def snapshot_json(row: TickerRow, exchange: bytes = b'"XNAS"') -> str:
    buffer, text = np.zeros(2048, np.uint8), Text(np.frombuffer(exchange, np.uint8), 0, len(exchange))
    return bytes(buffer[: put_snapshot(buffer, 0, row, NAME, text, 3)]).decode()


def delta_json(row: TickerRow, old: TickerRow, *names: bytes) -> str:
    buffer, table = np.zeros(2048, np.uint8), exchanges(*names or (b'"XNAS"',))
    end = put_delta(buffer, 0, row, old, NAME, text_of(table.texts, row["exchange"]))
    return bytes(buffer[:end]).decode()


def ticker(**fields: Any) -> TickerRow:
    row: TickerRow = tickers(fields).rows[0]
    return row


def test_bar_has_every_field_in_order() -> None:
    row = bars(
        {
            "interval": "1W", "start_us": START_US, "open": "43250.12", "high": "43251", "low": "0.00000001",
            "close": "999999999999999999.9999999999", "volume": "0", "quote_volume": "0.00000000000000000001",
            "vwap": None, "buy_volume": "12.5", "stddev": "0.1", "trade_count": 7, "final": 1, "revision": 3,
            "version": (1 << 53) - 1,
        }
    ).rows[0]  # fmt: skip
    assert bar_json(row) == (
        '{"type":"bar","symbol":"BTC/USDT","interval":"1W","time":1700000040000,"open":43250.12,"high":43251,'
        '"low":0.00000001,"close":999999999999999999.9999999999,"volume":0,"quoteVolume":0.00000000000000000001,'
        '"vwap":null,"tradeCount":7,"buyVolume":12.5,"stddev":0.1,"final":true,"revision":3,'
        '"shard":3,"sequence":9007199254740991}'
    )


def test_snapshot_without_bid_ask_and_previous_close_says_null() -> None:
    assert snapshot_json(ticker(sequence=9, price="1.5")) == (
        '{"type":"snapshot","symbol":"BTC/USDT","price":1.5,"bid":null,"ask":null,"volume":1.5,"open":1.5,"high":1.5,'
        '"low":1.5,"previousClose":null,"change":null,"changePercent":null,"timestamp":1700000040000,"sequence":9,'
        '"shard":3,"exchange":"XNAS"}'
    )


def test_snapshot_with_everything() -> None:
    row = ticker(price="90", bid="89.5", ask="90.5", previous_close="120", sequence=2)
    assert '"bid":89.5,"ask":90.5,' in snapshot_json(row)
    assert '"previousClose":120,"change":-30,"changePercent":-25,' in snapshot_json(row)


@pytest.mark.parametrize(
    ("price", "previous", "percent"),
    [
        ("2.000001", "2", "0"),  # 0.00005 exactly: half goes to even
        ("2.000003", "2", "0.0002"),  # 0.00015
        ("1.999997", "2", "-0.0002"),
        ("1", "3", "-66.6667"),
        ("999999999999999999", "0.0000000001", "999999999999999998999999999900"),
    ],
)
def test_change_percent_is_rounded_half_even_at_four_digits(price: str, previous: str, percent: str) -> None:
    assert f'"changePercent":{percent},' in snapshot_json(ticker(price=price, previous_close=previous))


PRICES = st.one_of(st.integers(1, 10**28 - 1), st.integers(1, 10**15), st.integers(1, 10**6).map(lambda n: n * 10**8))


@given(PRICES, PRICES)
def test_change_equals_decimal(price: int, previous: int) -> None:
    text = snapshot_json(ticker(price=Decimal(price).scaleb(-10), previous_close=Decimal(previous).scaleb(-10)))
    percent = EXACT.divide(Decimal(100 * (price - previous)), Decimal(previous))
    rounded = percent.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, EXACT)
    units = int(rounded.scaleb(4, EXACT))
    assert f'"change":{plain(price - previous)},"changePercent":{plain(units, 4)},' in text


def test_delta_holds_only_what_changed() -> None:
    old = ticker(sequence=5, price="10", volume="3", high="10", previous_close="8")
    new = ticker(sequence=8, price="10", volume="4", high="10", previous_close="8", event_time_us=START_US + 2000)
    assert delta_json(new, old) == (
        '{"type":"delta","symbol":"BTC/USDT","volume":4,"timestamp":1700000040002,"sequence":8,"previous":5}'
    )


def test_delta_of_everything() -> None:
    old = ticker(sequence=1, price="1", open="1", high="1", low="1", volume="1")
    new = ticker(
        sequence=2,
        price="2",
        open="3",
        high="4",
        low="5",
        volume="6",
        bid="7",
        ask="8",
        previous_close="1",
        exchange="B",
    )
    new["exchange"] = 1
    assert delta_json(new, old, b'"A"', b'"B"') == (
        '{"type":"delta","symbol":"BTC/USDT","price":2,"bid":7,"ask":8,"volume":6,"open":3,"high":4,"low":5,'
        '"previousClose":1,"change":1,"changePercent":100,"exchange":"B","timestamp":1700000040000,"sequence":2,'
        '"previous":1}'
    )


def test_a_delta_tells_numbers_apart_by_all_their_bits() -> None:
    step = Decimal(2**64).scaleb(-10)
    old, new = ticker(sequence=1, price="1"), ticker(sequence=2, price=1 + step)
    assert f'"price":{plain(10**10 + 2**64)},' in delta_json(new, old)
    assert '"bid":0,' in delta_json(ticker(sequence=2, bid="0"), ticker(sequence=1)), "a first bid, be it 0"


def test_a_percentage_moves_where_price_and_previous_close_move_alike() -> None:
    old = ticker(sequence=1, price="10", previous_close="5")
    text = delta_json(ticker(sequence=2, price="20", previous_close="15"), old)
    assert '"previousClose":15,"changePercent":33.3333,' in text


@pytest.mark.parametrize("name", ["bid", "ask", "previous_close"])
def test_a_value_that_goes_is_lost_and_one_that_comes_is_not(name: str) -> None:
    with_it, without = ticker(sequence=1, **{name: "1"}), ticker(sequence=1)
    assert lost_a_value(without, with_it)
    assert not lost_a_value(with_it, without)


@pytest.mark.parametrize(("final", "text"), [(1, "true"), (0, "false")])
def test_a_bar_says_whether_it_is_final_whatever_its_revision(final: int, text: str) -> None:
    for revision in (0, 2):
        assert f'"final":{text},' in bar_json(bars({"final": final, "revision": revision}).rows[0])
