"""Which records are read as one before them: those of the same text around plain values, and no other."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from connectors.json.decoder import JsonDecoder
from connectors.json.shapes import SHAPES_MAX, new_shapes, scan_alike
from connectors.values.cells import ABSENT, Cells
from connectors.values.fields import Field
from tests.unit.connectors.batches import raw_batch, trades_of

FIRST = '{"symbol":"A","price":1,"x":[{},"y",true],"event_time":17,"side": "BUY","trade_id":"5","ask":null}'
ROOM = b"}" * 8


def learnt(records: Sequence[str], names: dict[str, str] | None = None) -> JsonDecoder:
    decoder = JsonDecoder(names)
    decoder.decode_rows(raw_batch([record.encode() for record in records]))
    return decoder


def alike(first: str, second: str, room: bytes = ROOM) -> dict[str, str] | None:
    """The texts of ``second`` by field where it is read as ``first`` was; behind it stands ``room``."""
    shapes, cells = learnt([first]).shapes, Cells(1)
    data, start = (first + second).encode() + room, len(first.encode())
    array, stop = np.frombuffer(data, np.uint8), len(data) - len(room)
    if not scan_alike(array, start, stop, shapes, cells.arrays, 0):
        assert not cells.at.any()
        assert (cells.length == ABSENT).all()
        return None
    return {
        field.name.lower(): data[at : at + length].decode()
        for field, at, length in zip(Field, cells.at[0], cells.length[0], strict=True)
        if length >= 0
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("17", "1762795433971744"),
        ('"A"', '"BTC/USDT of twenty bytes"'),
        ('"A"', '""'),
        ('"A"', "15"),
        ("1,", "0.000276250,"),
        ("1,", '"105433.6",'),
        ("1,", "-1.5E+3,"),
        ("1,", "1e-05,"),
        ("1,", "1.5E-5,"),
        ('"5"', "1021820812"),
        ('"5"', "5.0"),
        ("null", "105434.0000000001"),
        ('"y",true', '-Infinity,"yyyyyyyyyyyyyyyy"'),
        ('"BUY"', "false"),
    ],
)
def test_other_values_in_the_same_text(old: str, new: str) -> None:
    record = FIRST.replace(old, new)
    found = alike(FIRST, record)
    assert found == {name: text for name, text in whole(record).items() if text is not None}


def test_no_name_and_no_id_is_a_fraction() -> None:
    for old, field in (('"A"', "symbol"), ('"5"', "trade_id")):
        found = alike(FIRST, FIRST.replace(old, "5.5"))
        assert found is not None
        assert field not in found


def whole(record: str) -> dict[str, str | None]:
    """The same from a library, where a value stands as it is written."""
    values = json.loads(record, parse_int=str, parse_float=str, parse_constant=str)
    words = {True: "true", False: "false", None: None}
    return {name: value if isinstance(value, str) else words[value] for name, value in values.items() if name != "x"}


@pytest.mark.parametrize(
    "second",
    [
        FIRST.replace('"price":1,', "").replace("}", ',"price":1}'),
        FIRST.replace('": "BUY', '":"BUY'),
        FIRST.replace("price", "pricE"),
        FIRST.replace('"A"', '"A\\n"'),
        FIRST.replace('"A"', '"\u00e9"'),
        FIRST.replace('"A"', '"A\n"'),
        FIRST.replace('"A"', '"A'),
        FIRST.replace('"y"', "[]"),
        FIRST.replace("[{},", "[{ },"),
        FIRST.replace("1,", "01,"),
        FIRST.replace("1,", "1.,"),
        FIRST.replace("1,", "1e,"),
        FIRST.replace("17", ""),
        FIRST.replace("null", "nul"),
        FIRST + "}",
        *(FIRST[:length] for length in range(len(FIRST))),
    ],
)
def test_what_is_left_to_the_scanner(second: str) -> None:
    for room in (ROOM, b'"' * 8, b"1" * 8, b":[{},17n"):
        assert alike(FIRST, second, room) is None


def test_nothing_is_read_behind_the_batch() -> None:
    assert alike(FIRST, FIRST, ROOM[1:]) is None


@pytest.mark.parametrize(
    "first",
    [
        FIRST.replace("1,", "{},"),
        FIRST.replace("1,", '1,"price":[],'),
        FIRST.replace('"A"', "1.5"),
        FIRST.replace("true", ",".join(["1"] * 57)),
        FIRST + "}",
    ],
)
def test_records_that_show_no_shape(first: str) -> None:
    assert alike(first, first) is None


def test_as_many_values_as_there_are_places() -> None:
    record = FIRST.replace("true", ",".join(["1"] * 56))
    assert alike(record, record)


def test_of_two_equal_keys_the_last_counts() -> None:
    twice = FIRST.replace("1,", '1,"price":2,')
    found = alike(twice, twice.replace('e":1', 'e":7').replace('e":2', 'e":8'))
    assert found is not None
    assert found["price"] == "8"


def test_a_batch_has_so_many_shapes_at_most() -> None:
    records = [FIRST.replace('"ask"', f'"ask{number}"') for number in range(SHAPES_MAX + 1)]
    shapes = learnt([*records, *records]).shapes
    data = np.frombuffer("".join(records).encode() + ROOM, np.uint8)
    for number in range(SHAPES_MAX + 1):
        start = number * len(records[0])
        cells = Cells(1).arrays
        assert scan_alike(data, start, start + len(records[0]), shapes, cells, 0) == (number < SHAPES_MAX)


def test_names_of_others_inside_objects() -> None:
    names = {"price": "data.p", "size": "data.q", "event_time": "t", "symbol": "data.s"}
    records = [f'{{"t":17000000{n:02},"data":{{"s":"S{n}","n":{{"p":5}},"p":"{n}.5","q":{n}}}}}' for n in range(10, 30)]
    batch = JsonDecoder(names).decode(raw_batch([record.encode() for record in records]))
    assert [(trade["symbol"], trade["price"]) for trade in trades_of(batch)] == [
        (b"S%d" % n, n * 10**10 + 5 * 10**9) for n in range(10, 30)
    ]


def test_shapes_begin_with_none() -> None:
    cells = Cells(1)
    data = np.frombuffer(FIRST.encode() + ROOM, np.uint8)
    assert not scan_alike(data, 0, len(FIRST), new_shapes(), cells.arrays, 0)
