import pytest

from local.clickhouse.types import (
    Array,
    Fixed,
    Layout,
    LowCardinality,
    Nullable,
    ServerError,
    Strings,
    Tuple,
    parse_type,
    split_arguments,
)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("UInt64", Fixed(8)),
        ("Decimal(9, 2)", Fixed(4)),
        ("Decimal(18, 6)", Fixed(8)),
        ("Decimal(38, 10)", Fixed(16)),
        ("Decimal(76, 10)", Fixed(32)),
        ("DateTime('UTC')", Fixed(4)),
        ("DateTime64(6, 'UTC')", Fixed(8)),
        ("Enum8('a,b)' = 1, 'it\\'s' = 2)", Fixed(1)),
        ("FixedString(3)", Fixed(3)),
        ("IntervalSecond", Fixed(8)),
        ("String", Strings()),
        ("Nullable(Decimal(38, 10))", Nullable(Fixed(16))),
        ("LowCardinality(String)", LowCardinality(Strings())),
        ("LowCardinality(Nullable(String))", LowCardinality(Strings())),
        ("Array(Array(Nullable(Int32)))", Array(Array(Nullable(Fixed(4))))),
        ("Map(String, UInt64)", Array(Tuple((Strings(), Fixed(8))))),
        ("Tuple(x Float64, `y z` LowCardinality(String))", Tuple((Fixed(8), LowCardinality(Strings())))),
        ("Nested(a UInt8, b String)", Array(Tuple((Fixed(1), Strings())))),
        ("SimpleAggregateFunction(sum, UInt64)", Fixed(8)),
        ("Ring", Array(Tuple((Fixed(8), Fixed(8))))),
    ],
)
def test_type_is_laid_out(name: str, layout: Layout) -> None:
    assert parse_type(name) == layout


@pytest.mark.parametrize(
    "name", ["JSON", "Dynamic", "Variant(String, UInt8)", "AggregateFunction(sum, UInt64)", "Nope"]
)
def test_type_that_cannot_be_walked_is_refused_with_clickhouse_code_50(name: str) -> None:
    with pytest.raises(ServerError) as refused:
        parse_type(name)
    assert refused.value.code == 50


def test_commas_in_quotes_and_brackets_do_not_split() -> None:
    assert split_arguments("a Tuple(x, y), `b, c` Int8, 'd\\', e'") == ["a Tuple(x, y)", "`b, c` Int8", "'d\\', e'"]
