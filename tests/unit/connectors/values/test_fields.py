"""How users' names map to the nine fields, and what is wrong with maps that can't work."""

import pytest

from connectors.values.fields import Field, field_paths, required_names, time_unit_code, wanted_tree
from schemas.errors import SettingError


def test_names_are_ours_unless_mapped() -> None:
    paths = field_paths({"price": "data.p", "exchange": ""})
    assert paths["data.p"] is Field.PRICE
    assert paths["exchange"] is Field.EXCHANGE
    assert "price" not in paths
    assert len(paths) == len(Field)


def test_a_map_wins_over_a_name_of_ours() -> None:
    paths = field_paths({"size": "price"})
    assert paths["price"] is Field.SIZE
    assert Field.PRICE not in paths.values()


def test_dotted_names_make_a_tree() -> None:
    tree = wanted_tree(field_paths({"price": "data.p", "size": "data.q.z"}))
    assert tree["data"] == {"p": Field.PRICE, "q": {"z": Field.SIZE}}
    assert tree["symbol"] is Field.SYMBOL


@pytest.mark.parametrize(
    "field_map",
    [{"prize": "p"}, {"bid": "x", "ask": "x"}, {"price": "d", "size": "d.q"}, {"price": "d.p", "size": "d"}],
)
def test_maps_that_can_not_work(field_map: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="field_map"):
        wanted_tree(field_paths(field_map))


def test_units() -> None:
    assert time_unit_code("auto") == 0
    with pytest.raises(SettingError, match="time_unit"):
        time_unit_code("minutes")


def test_missing_names_are_shown_as_both_sides_call_them() -> None:
    paths = field_paths({"price": "p"})
    assert required_names(1 << Field.SYMBOL | 1 << Field.SIZE, paths) == "price (p), event_time"
