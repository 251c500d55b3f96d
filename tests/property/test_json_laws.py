"""The JSON scanner takes what a JSON library takes, and reads the same from it whatever records were before it."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.json.decoder import JsonDecoder
from schemas.columns import TradeBatch
from schemas.rejects import Reason
from schemas.trade_words import TradeWords
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


keys = ["symbol", "price", "size", "event_time", "side", "trade_id", "exchange", "bid", "ask", "x", "data", "\u00e9"]
odd = st.sampled_from(
    ['"a\\"b"', '"\\u0041"', '"\u00e9"', '"\udc80"', '"', '"\t"', "01", "1.", "-", "1e5", "1E-3", "-0.5", "NaN", "{}",
     '{"p":1,"q":"2"}', '[1,{"price":2}]', "[]", "nul", "null", "true", "-Infinity", '""', "", "{", "5.0",
     "12345678901234567890.12345678", "0.12345678901", '" 1.5 "', '"none"']
)  # fmt: skip
texts = st.text("ABz/019. -", max_size=20).map(lambda text: f'"{text}"')
numbers = st.builds(
    lambda whole, rest: f"{whole}{rest}", st.integers(0, 10**17), st.sampled_from(["", ".5", ".00", ".123456789"])
)
usual = st.one_of(texts, numbers, numbers.map(lambda number: f'"{number}"'))
values = st.one_of(usual, usual, usual, usual, odd)
SOUND = {"symbol": '"S"', "price": "1.5", "size": "2", "event_time": "1700000000"}


@st.composite
def batches(draw: st.DrawFn) -> list[bytes]:
    """Records of the same keys and then of others, in one order and then in another; each may be cut or changed."""
    found = []
    order = draw(st.permutations(keys))[: draw(st.integers(1, len(keys)))]
    comma, colon, end = draw(st.sampled_from([(",", ":", "}"), (", ", ": ", "}"), (",\n ", " : ", "\n}")]))
    for _ in range(draw(st.integers(2, 8))):
        if draw(st.integers(0, 3)) == 0:
            order = [*draw(st.permutations(order)), *draw(st.lists(st.sampled_from(keys), max_size=2))]
        others = draw(st.lists(st.sampled_from(order), max_size=2))
        members = [
            f'"{key}"{colon}{SOUND[key] if key in SOUND and key not in others else draw(values)}' for key in order
        ]
        members += [f'"{key}"{colon}{value}' for key, value in SOUND.items() if key not in order]
        record = bytearray(("{" + comma.join(members) + end).encode(errors="surrogateescape"))
        change = draw(st.integers(0, 9))
        at = draw(st.integers(0, len(record) - 1))
        if change == 0:
            del record[at:]
        elif change == 1:
            record[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
        found.append(bytes(record))
    return found


FIELD_MAPS: list[dict[str, str]] = [{}, {}, {"price": "data.p", "size": "data.q", "symbol": "\u00e9"}]


@given(batches(), st.sampled_from(FIELD_MAPS), st.booleans())
@settings(max_examples=150)
def test_a_record_is_read_the_same_in_whatever_company(
    records: list[bytes], field_map: dict[str, str], rounding: bool
) -> None:
    """In a batch of its own no record was before it, so that it is the scanner that reads it."""
    decoder = JsonDecoder(field_map, words=TradeWords(round_numbers=rounding))
    together = decoder.decode(raw_batch([*records, b"{}"]))
    alone = [decoder.decode(raw_batch([record], 100 + index)) for index, record in enumerate([*records, b"{}"])]
    assert [each for batch in alone for each in wholly(batch)] == wholly(together)
    rejects = [reject for batch in alone for reject in batch.rejects]
    assert [reject._replace(key=None) for reject in together.rejects] == [
        reject._replace(key=None) for reject in rejects
    ]


def wholly(batch: TradeBatch) -> list[tuple[Any, ...]]:
    """All that rows say, with texts in the place of where they lie."""
    rest = batch.rows[["offset", "index", "side_word", "rounded", "trade_id_upper"]].tolist()
    return list(zip(trades_of(batch), rest, strict=True))
