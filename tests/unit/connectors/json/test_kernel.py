"""The scanner: the whole of a record is one object by RFC 8259, and cells are its own text."""

import json

import pytest

from connectors.json.decoder import JsonDecoder
from schemas.rejects import Reason
from tests.unit.connectors.batches import raw_batch, reasons_of, trades_of

GOOD = b'{"symbol":"A","price":1.5,"size":2,"event_time":1700000000}'
HEAD = GOOD[:-1]


def reason_of(value: bytes) -> Reason:
    (reason, *_) = [*reasons_of(JsonDecoder().decode(raw_batch([value]))), Reason.NONE]
    return reason


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        b" \t\r\n" + GOOD + b" ",
        HEAD + b',"x":[1,{"y":[]},"\\u00e9\\n",true,false,null,-1.5e+3,0]}',
        HEAD + b',"":{}}',
        HEAD + b',"x":NaN,"y":-Infinity}',
        HEAD + ',"é":"漢"}'.encode(),
    ],
)
def test_objects(value: bytes) -> None:
    assert reason_of(value) is Reason.NONE


@pytest.mark.parametrize(
    "value",
    [
        GOOD[:-1],
        GOOD + b"x",
        GOOD + GOOD,
        b"[" + GOOD + b"]",
        b'"text"',
        HEAD + b",}",
        HEAD + b',"x":01}',
        HEAD + b',"x":1.}',
        HEAD + b',"x":.5}',
        HEAD + b',"x":1e}',
        HEAD + b',"x":+1}',
        HEAD + b',"x":tru}',
        HEAD + b',"x":nan}',
        HEAD + b",x:1}",
        HEAD + b',"x" 1}',
        HEAD + b',"x":[1 2]}',
        HEAD + b',"x":[1,]}',
        HEAD + b",\"x\":'y'}",
        HEAD + b',"x":"\\q"}',
        HEAD + b',"x":"\\u12g4"}',
        HEAD + b',"x":"\\u123',
        HEAD + b',"x":"\n"}',
        HEAD + b',"x":"\xff"}',
        HEAD + b',"x":' + b"[" * 600 + b"]" * 600 + b"}",
    ],
)
def test_what_is_no_object_is_corrupt_and_costs_no_neighbour(value: bytes) -> None:
    batch = JsonDecoder().decode(raw_batch([GOOD, value, GOOD]))
    assert reasons_of(batch) == [Reason.CORRUPT]
    assert len(batch) == 2


def test_every_prefix_of_a_record_is_corrupt() -> None:
    batch = JsonDecoder().decode(raw_batch([GOOD[:length] for length in range(1, len(GOOD))]))
    assert set(reasons_of(batch)) == {Reason.CORRUPT}
    assert len(batch.rejects) == len(GOOD) - 1


def test_numbers_are_their_own_text() -> None:
    value = GOOD.replace(b"1.5", b"999999999999999999.9999999999")
    (trade,) = trades_of(JsonDecoder().decode(raw_batch([value])))
    assert trade["price"] == 10**28 - 1


def test_the_last_of_two_equal_keys_counts_as_in_python() -> None:
    value = HEAD + b',"price":7}'
    (trade,) = trades_of(JsonDecoder().decode(raw_batch([value])))
    assert trade["price"] == json.loads(value)["price"] * 10**10


def test_items_of_an_array_are_trades_that_share_what_stands_outside() -> None:
    field_map = {"price": "t[].p", "size": "t[].q", "event_time": "ts"}
    value = b'{"symbol":"A","t":[{"p":1,"q":2},{"p":3,"q":4}],"ts":1700000000}'
    none = b'{"symbol":"A","t":[],"ts":1700000000}'
    batch = JsonDecoder(field_map).decode(raw_batch([value, none, value]))
    assert [(trade["symbol"], trade["price"] // 10**10) for trade in trades_of(batch)] == [(b"A", 1), (b"A", 3)] * 2
    assert batch.rows["offset"].tolist() == [100, 100, 102, 102]
