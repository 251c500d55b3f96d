"""The law of columns: a number or time of any Arrow type becomes what ``decimal`` makes of its text, or is refused.

Types, scales, units, nulls and slices are drawn at random; expected values come from plain Python alone.
"""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.arrow.rows import ArrowDecoder
from connectors.values.column_plan import FileOptions, plan_columns
from kernels.decimal_text import from_pair
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

LIMIT = 10**28
NAMES = ["symbol", "price", "size", "event_time"]

integers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-1000, 1000))
doubles = st.one_of(
    st.floats(),
    st.decimals(-(10**6), 10**6, places=4).map(float),
    st.floats(-1e17, 1e17),
    st.sampled_from([0.1 + 0.2, 1.1 * 1.1, 1e15 + 0.3, 123456789.123456789, 2.0**60, -0.0]),
)


@st.composite
def number_arrays(draw: st.DrawFn) -> tuple[Any, list[str | None]]:
    """An array and the texts of its values."""
    kind = draw(st.sampled_from(["int64", "uint64", "int16", "double", "float", "decimal128", "decimal256", "string"]))
    nulls = st.sampled_from([True, False, False, False])
    size = draw(st.integers(1, 8))

    def values(each: st.SearchStrategy[Any]) -> list[Any]:
        return [None if draw(nulls) else draw(each) for _ in range(size)]

    if kind == "double":
        found = values(doubles)
        return pa.array(found, pa.float64()), [None if value is None else repr(value) for value in found]
    if kind == "float":
        found = [None if value is None else np.float32(value) for value in values(st.floats(width=32))]
        return pa.array(found, pa.float32()), [None if value is None else str(value) for value in found]
    if kind.startswith("decimal"):
        scale = draw(st.integers(0, 20))
        digits = 38 if kind == "decimal128" else 60
        found = values(st.integers(-(10**digits) + 1, 10**digits - 1).map(lambda value: Decimal(f"{value}E-{scale}")))
        held = pa.decimal128(38, scale) if kind == "decimal128" else pa.decimal256(76, scale)
        return pa.array(found, held), [None if value is None else format(value, "f") for value in found]
    bounds = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1), "int16": (-(2**15), 2**15 - 1)}
    if kind == "string":
        found = values(integers.map(str))
        return pa.array(found, draw(st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]))), found
    low, high = bounds[kind]
    found = values(st.one_of(st.integers(low, high), st.integers(max(low, -9), 9)))
    return pa.array(found, getattr(pa, kind)()), [None if value is None else str(value) for value in found]


def expected_number(text: str | None, scale: int) -> tuple[int, Reason]:
    """(units of 10**-10, reason) of a required number in text."""
    if text is None:
        return 0, Reason.MISSING_FIELD
    number = Decimal(text)
    if not number.is_finite():
        return 0, Reason.BAD_VALUE
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    whole = int("".join(map(str, digits)))
    places = exponent - scale + 10
    if places < 0:
        if whole % 10**-places:
            return 0, Reason.OUT_OF_RANGE
        units = whole // 10**-places
    else:
        units = whole * 10**places
    return (0, Reason.OUT_OF_RANGE) if units >= LIMIT else (-units if sign else units, Reason.NONE)


def decoded(columns: dict[str, Any], words: TradeWords | None = None, unit: str = "auto") -> Any:
    batch = pa.record_batch(columns)
    options = FileOptions(words=words or TradeWords(), time_unit=unit)
    decoder = ArrowDecoder(plan_columns(batch.schema.names, options), batch.schema)
    return decoder.decode_rows(decoder.raw_rows(batch, "t", 0))[0]


@settings(max_examples=300)
@given(number_arrays(), st.sampled_from([0, 0, 0, 2, 9]), st.integers(0, 3))
def test_numbers_are_exact_or_refused(numbers: tuple[Any, list[str | None]], scale: int, cut: int) -> None:
    array, texts = numbers
    cut = min(cut, len(array) - 1)
    array, texts = array.slice(cut), texts[cut:]
    count = len(array)
    rows = decoded(
        {"symbol": pa.array(["A"] * count), "price": array, "size": pa.array(["1"] * count),
         "event_time": pa.array([1_700_000_000] * count)},
        TradeWords(price_scale=scale),
    )  # fmt: skip
    for row, text in zip(rows, texts, strict=True):
        units, reason = expected_number(text, scale)
        assert Reason(int(row["reason"])) is reason, text
        if reason is Reason.NONE:
            assert from_pair(int(row["price_hi"]), int(row["price_lo"])) == units, text


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62), st.integers(0, 2 * 10**18)), min_size=1, max_size=8),
    st.sampled_from(["s", "ms", "us", "ns"]),
    st.sampled_from([None, "UTC", "America/New_York"]),
)
def test_moments_are_rounded_down_to_microseconds(values: list[int | None], unit: str, zone: str | None) -> None:
    count = len(values)
    rows = decoded({"symbol": pa.array(["A"] * count), "price": pa.array([1] * count), "size": pa.array([1] * count),
                    "event_time": pa.array(values, pa.timestamp(unit, zone))})  # fmt: skip
    per_unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
    for row, value in zip(rows, values, strict=True):
        if value is None:
            assert row["reason"] == Reason.MISSING_FIELD
        else:
            exact = value * per_unit // 1000
            assert int(row["event_time_us"]) == max(-(2**63) + 1, min(2**63 - 1, exact))


def test_other_kinds_of_columns() -> None:
    count = 2
    plain = {"symbol": pa.array(["A"] * count), "price": pa.array([1] * count), "size": pa.array([1] * count),
             "event_time": pa.array([1_700_000_000] * count)}  # fmt: skip
    coded = pa.array(["X", "Y"]).dictionary_encode()
    assert [int(row["symbol_len"]) for row in decoded({**plain, "symbol": coded})] == [1, 1]
    ids = decoded({**plain, "trade_id": pa.array([10.0, None])})
    assert [int(row["trade_id_number"]) for row in ids] == [10, -1]
    sides = decoded({**plain, "side": pa.array([True, False])}, TradeWords(side_of="maker"))
    assert [int(row["side"]) for row in sides] == [1, 0]
    days = decoded({**plain, "event_time": pa.array([19_844, 0], pa.date32())})
    assert [int(row["event_time_us"]) for row in days] == [19_844 * 86_400_000_000, 0]
    clocks = decoded({**plain, "event_time": pa.array([34_200_000, 1], pa.time32("ms"))})
    assert [Reason(int(row["reason"])) for row in clocks] == [Reason.UNCLEAR_TIME] * 2
    midnight = TradeWords(time_origin_us=1_340_236_800_000_000)
    clocks = decoded({**plain, "event_time": pa.array([34_200_000, 1], pa.time32("ms"))}, midnight)
    assert int(clocks[0]["event_time_us"]) == 1_340_236_800_000_000 + 34_200_000_000
    quotes = decoded({**plain, "bid": pa.array([float("nan"), 1.5])})
    assert [int(row["has_bid"]) for row in quotes] == [0, 1]
    assert [int(row["reason"]) for row in quotes] == [0, 0]
    spans = decoded({**plain, "price": pa.array([1, 2], pa.duration("us"))})
    assert [Reason(int(row["reason"])) for row in spans] == [Reason.BAD_VALUE] * 2
