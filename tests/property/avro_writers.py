"""Random writers of trades: hypothesis strategies for Avro schemas, values under them, and the trade they stand for.

Every field gets a type of its own kind, in any order, between fields that mean nothing here; what the decoder has to
give is worked out from the drawn value with Python's decimal, not by any decoder.
"""

import io
import re
from decimal import Context, Decimal
from typing import Any, NamedTuple

import fastavro
import numpy as np
from hypothesis import strategies as st

from schemas.columns import BUY, NO_ID, SELL, UNKNOWN
from schemas.rejects import Reason

EXACT = Context(prec=100)
LIMIT = 10**28
LEAF = {"next": None, "tags": {}}
NODE = {
    "type": "record",
    "name": "Node",
    "fields": [
        {"name": "next", "type": ["null", "Node"]},
        {"name": "tags", "type": {"type": "map", "values": {"type": "array", "items": "Node"}}},
    ],
}
JUNK = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("double", st.floats(allow_nan=False)),
    ("float", st.floats(width=32, allow_nan=False)),
    ("bytes", st.binary(max_size=200)),
    (["null", "string", "long"], st.one_of(st.none(), st.text(max_size=5), st.integers(-5, 5))),
    ({"type": "enum", "name": "JunkEnum", "symbols": ["A", "B", "C"]}, st.sampled_from("ABC")),
    ({"type": "fixed", "name": "JunkFixed", "size": 5}, st.binary(min_size=5, max_size=5)),
    ({"type": "array", "items": "null"}, st.lists(st.none(), max_size=4)),
    ({"type": "map", "values": ["long", "bytes"]}, st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2)),
    (NODE, st.recursive(st.just(LEAF), lambda inner: st.builds(
        lambda a, b: {"next": a, "tags": {"k": b}}, inner, st.lists(inner, max_size=2)), max_leaves=4)),
]  # fmt: skip


class Written(NamedTuple):
    """A schema, values under it, and for each value the trade it stands for or the reason why it is none."""

    schema: dict[str, Any]
    bodies: list[bytes]
    expected: list[dict[str, Any] | Reason]


class Column(NamedTuple):
    """One field's type and the values drawn for it, with what each means (a Reason when it is refused)."""

    kind: Any
    values: list[tuple[Any, Any]]


def units_of(number: Decimal) -> Any:
    if number and not -11 < number.adjusted() < 18:
        return Reason.OUT_OF_RANGE
    scaled = number.scaleb(10, EXACT)
    return int(scaled) if scaled == int(scaled) else Reason.OUT_OF_RANGE


@st.composite
def number_columns(draw: st.DrawFn, count: int, name: str) -> Column:
    def drawn(strategy: st.SearchStrategy[Any], meaning: Any) -> list[tuple[Any, Any]]:
        values = [draw(strategy) for _ in range(count)]
        return [(value, meaning(value)) for value in values]

    form = draw(st.sampled_from(["bytes", "fixed", "string", "long", "double", "float"]))
    near = st.one_of(
        st.integers(-LIMIT - 5, LIMIT + 5), st.integers(-(10**12), 10**12), st.integers(-(2**140), 2**140 - 1)
    )
    if form in ("bytes", "fixed"):
        scale = draw(st.sampled_from([0, 1, 2, 8, 10, 11, 18, 38, 60, 120]))
        unscaled = draw(st.lists(near, min_size=count, max_size=count))
        if scale > 10:
            unscaled = [value * draw(st.sampled_from([1, 10 ** (scale - 10)])) for value in unscaled]
        size = 64 if form == "fixed" else 0
        pairs = [
            (
                value.to_bytes(size or (value.bit_length() + 8) // 8, "big", signed=True),
                units_of(Decimal(value).scaleb(-scale, EXACT)),
            )
            for value in unscaled
        ]
        kind = {"type": "fixed", "name": f"{name}_fixed", "size": size} if size else {"type": "bytes"}
        return Column(kind | {"logicalType": "decimal", "precision": 150, "scale": scale}, pairs)
    if form == "string":
        texts = st.decimals(-(10**19), 10**19, allow_nan=False, places=draw(st.integers(0, 12))).map(str)
        return Column("string", drawn(texts, lambda text: units_of(Decimal(text))))
    if form == "long":
        return Column("long", drawn(st.integers(-(2**63), 2**63 - 1), lambda number: units_of(Decimal(number))))
    if form == "double":
        short = st.builds(lambda m, k: m / 10**k, st.integers(-(10**17), 10**17), st.integers(0, 12))
        reals = st.one_of(short, st.floats(-1e19, 1e19))
        return Column("double", drawn(reals, lambda real: units_of(Decimal(repr(real)))))
    singles = st.one_of(
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.builds(lambda m, k: float(np.float32(m / 10**k)), st.integers(-(10**8), 10**8), st.integers(0, 8)),
    )
    return Column("float", drawn(singles, lambda real: units_of(Decimal(str(np.float32(real))))))


@st.composite
def text_columns(draw: st.DrawFn, count: int, alphabet: str, may_be_number: bool) -> Column:
    values = draw(st.lists(st.text(alphabet, min_size=1, max_size=20), min_size=count, max_size=count))
    if may_be_number and draw(st.booleans()):
        numbers = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=count, max_size=count))
        return Column("long", [(number, str(number).encode()) for number in numbers])
    return Column("string", [(value, value.encode()) for value in values])


@st.composite
def time_columns(draw: st.DrawFn, count: int) -> Column:
    logical, step = draw(st.sampled_from([("millis", 1000), ("micros", 1), ("nanos", None)]))
    times = draw(st.lists(st.integers(-(10**12), 4 * 10**15), min_size=count, max_size=count))
    kind = {"type": "long", "logicalType": f"{draw(st.sampled_from(['', 'local-']))}timestamp-{logical}"}
    return Column(kind, [(time, time * step if step else time // 1000) for time in times])


@st.composite
def side_columns(draw: st.DrawFn, count: int) -> Column:
    names = {"BUY": BUY, "s": SELL, "Sell": SELL, "b": BUY, "NONE": UNKNOWN}
    symbols = draw(st.permutations(list(names)))
    values = draw(st.lists(st.sampled_from(symbols), min_size=count, max_size=count))
    kind = draw(st.sampled_from(["string", {"type": "enum", "name": "AnySide", "symbols": symbols}]))
    return Column(kind, [(value, names[value]) for value in values])


@st.composite
def nullable(draw: st.DrawFn, column: Column) -> Column:
    """The column in a union with null, in either order, some of its values null; or as it is."""
    if not draw(st.booleans()):
        return column
    kind = draw(st.permutations(["null", column.kind]))
    return Column(kind, [(None, None) if draw(st.integers(0, 4)) == 0 else pair for pair in column.values])


@st.composite
def writers(draw: st.DrawFn, count: int = 3) -> Written:
    ids = "0123456789abc_"  # a dash alone says that there is no id
    columns = {
        "symbol": draw(text_columns(count, "ABCDEZ/._-:019", may_be_number=False)),
        "price": draw(nullable(draw(number_columns(count, "price")))),
        "size": draw(number_columns(count, "size")),
        "event_time": draw(nullable(draw(time_columns(count)))),
    }
    if draw(st.booleans()):
        columns["side"] = draw(nullable(draw(side_columns(count))))
        columns["trade_id"] = draw(nullable(draw(text_columns(count, ids, may_be_number=True))))
        columns["bid"] = draw(nullable(draw(number_columns(count, "bid"))))
    if draw(st.booleans()):
        columns["exchange"] = draw(nullable(draw(text_columns(count, "ABC\u00e9\u4e2d", may_be_number=False))))
        columns["ask"] = draw(nullable(draw(number_columns(count, "ask"))))
    for index, (kind, values) in enumerate(
        draw(st.lists(st.sampled_from(JUNK), max_size=3, unique_by=lambda x: str(x[0])))
    ):
        columns[f"junk{index}"] = Column(kind, [(draw(values), None) for _ in range(count)])
    names = draw(st.permutations(list(columns)))
    schema = {"type": "record", "name": "Any", "fields": [{"name": name, "type": columns[name].kind} for name in names]}
    records = [{name: columns[name].values[index][0] for name in names} for index in range(count)]
    meanings = [{name: columns[name].values[index][1] for name in names} for index in range(count)]
    return Written(schema, encode_all(schema, records), [_expected(meaning, names) for meaning in meanings])


NOTHING_WORDS = frozenset(b"|-|--|na|n/a|#n/a|<na>|nan|-nan|nat|nil|none|null|\\n|undefined".split(b"|"))


def _expected(meaning: dict[str, Any], names: list[str]) -> dict[str, Any] | Reason:
    for name in names:
        if isinstance(meaning[name], Reason):
            return meaning[name]
    if meaning["price"] is None or meaning["event_time"] is None:
        return Reason.MISSING_FIELD
    trade_id = _said(meaning.get("trade_id"))
    whole = re.fullmatch(rb"[ \t]*([0-9]+)(\.0*)?[ \t]*", trade_id)
    return {
        "symbol": meaning["symbol"],
        "trade_id": trade_id,
        "exchange": _said(meaning.get("exchange")),
        "price": meaning["price"],
        "size": meaning["size"],
        "bid": meaning.get("bid"),
        "ask": meaning.get("ask"),
        "event_time": meaning["event_time"],
        "side": UNKNOWN if meaning.get("side") is None else meaning["side"],
        "trade_id_number": int(whole[1]) if whole else NO_ID,
    }


def _said(text: bytes | None) -> bytes:
    """An optional text, empty where its writer put a word for nothing (as spreadsheets and databases do)."""
    return b"" if text is None or text.strip(b" ").lower() in NOTHING_WORDS else text


def without_logical_types(schema: Any) -> Any:
    """So that fastavro writes the numbers and bytes as they were drawn."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return schema


def encode_all(schema: Any, records: list[dict[str, Any]]) -> list[bytes]:
    parsed = fastavro.parse_schema(without_logical_types(schema))
    bodies = []
    for record in records:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed, record)
        bodies.append(stream.getvalue())
    return bodies
