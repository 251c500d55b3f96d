"""Spools are cut back to where a snapshot was, and hold the newest version of each bar."""

from pathlib import Path

import numpy as np
import pytest

from schemas.columns import PLACE
from schemas.errors import StateIncompatible
from sinks.spool import BarSpoolSink, RowSpool, spooled_bars
from tests.unit.sinks.rows import START_US, bars


def places(*offsets: int) -> np.ndarray:
    rows = np.zeros(len(offsets), PLACE)
    rows["offset"] = offsets
    return rows


def offsets_in(spool: RowSpool) -> list[int]:
    return [offset for piece in spool.pieces() for offset in piece["offset"].tolist()]


def test_rows_behind_the_length_that_was_kept_are_forgotten(tmp_path: Path) -> None:
    spool = RowSpool(tmp_path / "a.rows", PLACE)
    spool.append(places(1, 2))
    spool.append(places())
    assert spool.length() == 2
    spool.append(places(3))
    assert (len(spool), offsets_in(spool)) == (3, [1, 2, 3])
    spool.close()
    again = RowSpool(tmp_path / "a.rows", PLACE, 2)
    again.append(places(4))
    assert offsets_in(again) == [1, 2, 4]
    again.close()


def test_a_file_that_lost_rows_is_not_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(StateIncompatible, match="2 rows were kept, 0 are left"):
        RowSpool(tmp_path / "gone.rows", PLACE, 2)


def test_only_the_newest_version_of_a_bar_is_read_back(tmp_path: Path) -> None:
    sink = BarSpoolSink(tmp_path, 2)
    assert sink.list_parts() == ["00000", "00001"]
    assert sink.part_fn("00001#01234") == 1
    part = sink.build_part("spool", "00001", None)
    part.write_batch([bars({"version": 1, "close": 1}, {"symbol": "B", "version": 5})])
    part.write_batch([bars({"version": 9, "close": 9}, {"symbol": "B", "version": 3})])
    kept = part.snapshot()
    part.write_batch([bars({"version": 99}, {"symbol": "B"}, {"symbol": "C"})])
    part.close()
    resumed = sink.build_part("spool", "00001", kept)
    resumed.close()
    found = spooled_bars(tmp_path, 1)
    assert list(found.symbols) == ["AAPL", "B"]
    assert [(int(row["symbol"]), int(row["version"])) for row in found.rows] == [(0, 9), (1, 5)]
    assert found.rows["start_us"].tolist() == [START_US, START_US]


def test_a_partition_without_bars_is_empty(tmp_path: Path) -> None:
    assert len(spooled_bars(tmp_path, 7)) == 0
