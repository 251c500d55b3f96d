"""Kernels give the same without the compiler: their unit tests run so, and its arithmetic is looked at by itself."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from kernels.kernel import kernel
from kernels.plain import run_plain

ROOT = Path(__file__).parents[3]
ROW = np.dtype([("price", "i8"), ("count", "i4"), ("flag", "u1"), ("limbs", "u8", (2,))])


class Table(NamedTuple):
    rows: Any
    marks: Any


@pytest.mark.thorough
@pytest.mark.compiled
def test_unit_tests_of_decoders_and_sinks_pass_as_plain_python() -> None:
    """Those of core, kernels and schemas run so where their coverage is measured."""
    folders = [f"tests/unit/{name}" for name in ("connectors", "sinks")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *folders],
        check=False,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


def narrow(data: Any, at: int) -> Any:
    return data[at] - 48, data[at] * 256 + data[at + 1]


def wrap(words: Any) -> Any:
    product = words[0] * words[1]
    words[1] = product
    return product


def change_row(table: Any, at: int) -> Any:
    row = table.rows[at]
    row.price += row.flag
    row.count = row.count - 2
    row.limbs[1] = row.limbs[0] + np.uint64(1)
    table.marks[at] = -1
    table.rows[at + 1] = row
    return row.price


def part(data: Any, at: int) -> Any:
    return data[at:], bool(data[at] > 250)


def bits_of(value: int) -> Any:
    return np.uint64(value)


def both(function: Any, *arguments: Any) -> tuple[Any, Any]:
    """What ``function`` gives with whichever door is in use, and as plain Python."""
    return kernel(function)(*arguments), run_plain(function)(*arguments)


def test_narrow_integers_are_widened() -> None:
    compiled, plain = both(narrow, np.array([45, 255], np.uint8), 0)
    assert compiled == plain == (-3, 45 * 256 + 255)


def test_words_wrap_in_silence() -> None:
    words = np.array([2**63 + 1, 6], np.uint64)
    assert run_plain(wrap)(words) == 6
    assert words.tolist() == [2**63 + 1, 6]
    assert kernel(wrap)(words) == 6


def test_rows_are_changed_where_they_lie() -> None:
    seen = []
    for door in (kernel, run_plain):
        table = Table(np.zeros(2, ROW), np.zeros(2, np.uint8))
        table.rows["flag"] = 200
        table.rows["limbs"] = 2**64 - 1
        assert door(change_row)(table, 0) == 200
        seen.append((table.rows.tobytes(), table.marks.tolist()))
        assert type(table.rows) is np.ndarray
        assert [row[:3] for row in table.rows.tolist()] == [(200, -2, 200)] * 2
        assert table.rows["limbs"].tolist() == [[2**64 - 1, 0]] * 2
    assert seen[0] == seen[1]
    assert seen[1][1] == [255, 0]


def test_results_are_plain_arrays_and_numbers() -> None:
    for door in (kernel, run_plain):
        rest, above = door(part)(np.array([1, 251], np.uint8), 1)
        assert type(rest) is np.ndarray
        assert rest.tolist() == [251]
        assert above is True


def test_a_negative_number_has_the_bits_of_two_s_complement() -> None:
    assert both(bits_of, -1) == (2**64 - 1, 2**64 - 1)


def test_a_row_has_no_other_fields() -> None:
    def read(rows: Any) -> Any:
        return rows[0].size

    def write(rows: Any) -> None:
        rows[0].size = 1

    with pytest.raises(AttributeError, match="has no size"):
        run_plain(read)(np.zeros(1, ROW))
    with pytest.raises((ValueError, KeyError)):
        run_plain(write)(np.zeros(1, ROW))


def test_a_row_and_a_pair_of_arrays_can_be_arguments_and_results() -> None:
    def of_row(row: Any, pair: Any) -> Any:
        return repr(row), pair[0][0] - pair[1][0], pair

    rows = np.zeros(1, ROW)
    rows["price"] = -3
    text, difference, pair = run_plain(of_row)(rows[0], (np.array([1], np.uint8), np.array([2], np.uint8)))
    assert text.startswith("PlainRow({'price': -3, 'count': 0,")
    assert difference == -1
    assert [type(each) for each in pair] == [np.ndarray, np.ndarray]


def test_kernels_called_by_a_kernel_get_what_it_holds() -> None:
    @run_plain
    def inner(data: Any) -> Any:
        return data[0] - 1

    def outer(data: Any) -> Any:
        return inner(data), inner(data[1:])

    assert run_plain(outer)(np.array([0, 7], np.uint8)) == (-1, 6)

    @run_plain
    def of_tables(table: Any, pair: Any) -> Any:
        return table.marks[0] - 1, pair[0][1] - pair[1]

    def hands_on(data: Any) -> Any:
        return of_tables(Table(data, data), (data, 9))

    assert run_plain(hands_on)(np.array([0, 7], np.uint8)) == (-1, -2)


def test_a_kernel_that_failed_leaves_the_next_one_as_it_was() -> None:
    with pytest.raises(IndexError):
        run_plain(narrow)(np.zeros(0, np.uint8), 0)
    assert run_plain(narrow)(np.array([45, 255], np.uint8), 0) == (-3, 45 * 256 + 255)


def test_beyond_the_end_is_an_error() -> None:
    with pytest.raises(IndexError):
        run_plain(narrow)(np.zeros(1, np.uint8), 1)
