"""Which column is which field: the user's map, then the layout's, then our names; and what each fault says."""

from typing import Any

import pytest

from connectors.values.column_plan import FileOptions, is_header, plan_columns, refuse_options
from connectors.values.fields import Field
from connectors.values.layouts import layouts_called
from schemas.errors import InputError, SettingError
from schemas.trade_words import TradeWords

OURS = ["event_time_us", "symbol", "price", "size"]


def columns_of(names: list[str], **options: Any) -> dict[str, int]:
    plan = plan_columns(names, FileOptions(**options))
    return {field.name.lower(): column for field, column in plan.columns.items()}


def test_our_own_names_are_found_without_regard_to_case_where_exactly_none_is() -> None:
    assert columns_of(["Price", "SIZE", "symbol", "event_time"]) == {
        "price": 0, "size": 1, "symbol": 2, "event_time": 3,
    }  # fmt: skip
    assert columns_of([*OURS, "PRICE"])["price"] == 2


def test_the_user_s_map_goes_first_and_takes_its_column_from_others() -> None:
    found = columns_of([*OURS, "px"], field_map={"price": "px"})
    assert found["price"] == 4
    mapped = columns_of([*OURS, "side"], field_map={"exchange": "side"})
    assert mapped["exchange"] == 4
    assert "side" not in mapped


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (OURS[:2], {}, "no column price, size"),
        (OURS, {"field_map": {"bid": "b"}}, "no column b, which the field map names"),
        ([*OURS, "price"], {}, "column price stands twice"),
        (OURS, {"symbol": "X"}, "names the symbol of each row itself"),
        (["event_time", "price", "size"], {}, "no column symbol"),
    ],
)
def test_what_a_file_lacks(names: list[str], options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_columns(names, FileOptions(**options))


@pytest.mark.parametrize(
    ("field_map", "words"),
    [({"prize": "p"}, "no such field: prize"), ({"price": "size", "bid": "size"}, "read the same column")],
)
def test_what_a_map_has_wrong(field_map: dict[str, str], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        plan_columns(OURS, FileOptions(field_map=field_map))


def test_a_name_with_a_mark_may_be_absent() -> None:
    assert "side" not in columns_of(OURS, field_map={"side": "taker?"})


def test_a_symbol_may_be_one_for_all_rows() -> None:
    names = ["event_time", "price", "size"]
    given = plan_columns(names, FileOptions(symbol="{name}.X"), file_name="BTC.csv.gz")
    assert given.constants == {Field.SYMBOL: "BTC.X"}
    folder = plan_columns(names, FileOptions(), given={"Symbol": "ETH"})
    assert folder.constants == {Field.SYMBOL: "ETH"}
    with pytest.raises(InputError, match="a pipe has no name"):
        plan_columns(names, FileOptions(symbol="{name}"))


def test_a_unit_comes_from_the_name_of_the_column_first() -> None:
    assert plan_columns(["event_time_ms", *OURS[1:]], FileOptions(time_unit="s")).time_unit == "ms"
    assert plan_columns(["event_time", *OURS[1:]], FileOptions(time_unit="s")).time_unit == "s"


def test_a_layout_says_what_the_user_does_not() -> None:
    (layout,) = layouts_called("kraken")
    plan = plan_columns(
        layout.columns, FileOptions(words=TradeWords(round_numbers=True)), layout, file_name="XBTUSD.csv"
    )
    assert {field.name: column for field, column in plan.columns.items()} == {"EVENT_TIME": 0, "PRICE": 1, "SIZE": 2}
    assert plan.constants == {Field.SYMBOL: "XBTUSD", Field.EXCHANGE: "kraken"}
    assert (plan.time_unit, plan.words.round_numbers) == ("s", True)
    assert plan.describe() == (
        "layout kraken; size from volume, event_time from timestamp; symbol XBTUSD; exchange kraken; times in s"
    )
    with pytest.raises(InputError, match="not the layout kraken: no column timestamp, volume"):
        plan_columns(["price", "b"], FileOptions(), layout)


def test_a_header_is_three_names_and_no_number() -> None:
    assert is_header(["Price", "size", "x", "SYMBOL"])
    assert is_header(["px", "qty2", "when"], ["px", "qty2", "when"])
    assert not is_header(["price", "size"])
    assert not is_header(["price", "size", "symbol", "1.5"])


def test_an_option_that_would_change_nothing_is_refused() -> None:
    refuse_options(FileOptions(), ("--columns", "--encoding", "--decimal-comma"), "JSON", "x")
    with pytest.raises(InputError, match="--decimal-comma says nothing about JSON"):
        refuse_options(FileOptions(decimal_comma=False), ("--columns", "--decimal-comma"), "JSON", "x")
