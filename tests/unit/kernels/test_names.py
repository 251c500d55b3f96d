"""Names get numbers in order of first sight and keep them while the table grows."""

import numpy as np
import pytest

from kernels.names import NameTable


def intern(table: NameTable, names: list[str]) -> list[int]:
    encoded = [name.encode() for name in names]
    lengths = np.array([len(each) for each in encoded], np.uint16)
    ats = (np.cumsum(lengths) - lengths).astype(np.uint32)
    indices: list[int] = table.intern(b"".join(encoded), ats, lengths).tolist()
    return indices


def test_a_name_keeps_its_index() -> None:
    table = NameTable()
    assert intern(table, ["AAPL", "BTC/USDT", "AAPL", ""]) == [0, 1, 0, 2]
    assert intern(table, ["", "BTC/USDT", "MSFT"]) == [2, 1, 3]
    assert table.names == ["AAPL", "BTC/USDT", "", "MSFT"]


def test_names_that_begin_alike_are_told_apart_where_their_hashes_meet() -> None:
    names = ["A" * length for length in range(1, 400)]
    assert intern(NameTable(), names) == list(range(399))


@pytest.mark.parametrize("count", [1_100, pytest.param(20_000, marks=pytest.mark.compiled)])
def test_growth_changes_no_index(count: int) -> None:
    names = [f"SYMBOL-{i}-{'x' * (i % 60)}" for i in range(count)]
    table = NameTable()
    assert intern(table, names) == list(range(count))
    assert intern(table, names[::-1]) == list(range(count))[::-1]
    assert table.names == names


@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("", "-and-so-on"), ("and-so-on-", ""), ("and-so-on-", "-and-so-on")]
)
def test_names_that_share_a_slot_stay_apart(before: str, behind: str) -> None:
    """They are compared by eight bytes at a time, and differ in all of them, the first, the last, and between."""
    names = [f"{before}{i:04}{behind}" for i in range(500)]  # a thousand slots, so that many of them meet
    table = NameTable()
    assert intern(table, names) == intern(table, names) == list(range(500))


def test_a_table_made_from_names_continues_where_they_end() -> None:
    table = NameTable(["B", "A"])
    assert intern(table, ["A", "C", "B"]) == [1, 2, 0]
    assert len(table) == 3


def test_no_names_need_no_room() -> None:
    assert intern(NameTable(), []) == []
