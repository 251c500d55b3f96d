"""The JSON scanner takes what a JSON library takes, and reads the same numbers from it."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json.decoder import JsonDecoder
from schemas.rejects import Reason
from tests.property.avro_writers import units_of
from tests.unit.connectors.batches import raw_batch, reasons_of, trades_of

anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
FIELDS = ("symbol", "price", "size", "event_time")


def is_object(text: bytes) -> bool:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(text.decode(), parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


names = st.text(max_size=5).filter(lambda name: name not in FIELDS)


@given(st.dictionaries(names, anything, max_size=4), st.booleans(), st.sampled_from([None, 1]), st.data())
@settings(max_examples=200)
def test_what_a_library_takes_is_taken_and_what_it_refuses_is_refused(
    more: dict[str, Any], ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    record = {"symbol": "S", "price": 1, "size": 1, "event_time": 1_700_000_000} | more
    for name in ("trade_id", "exchange", "side", "bid", "ask"):
        record.pop(name, None)
    text = json.dumps(record, ensure_ascii=ascii_only, indent=indent).encode()
    changed = bytearray(text)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=2))
    batch = JsonDecoder().decode(raw_batch([text, bytes(changed), text]))
    assert [int(row["offset"]) for row in batch.rows if int(row["offset"]) != 101] == [100, 102]
    assert (Reason.CORRUPT in reasons_of(batch) or not changed) == (not is_object(bytes(changed)))


@given(st.decimals(-(10**19), 10**19, allow_nan=False, allow_infinity=False), st.booleans())
def test_numbers_are_their_decimal(number: Decimal, quoted: bool) -> None:
    text = f'"{number}"' if quoted else str(number)
    batch = JsonDecoder().decode(
        raw_batch([f'{{"symbol":"S","price":{text},"size":1,"event_time":1700000000}}'.encode()])
    )
    expected = units_of(number)
    assert (reasons_of(batch) or [trades_of(batch)[0]["price"]]) == [expected]
