"""Recorded sessions, plain and gzipped."""

import gzip
from pathlib import Path

import pytest

from feeds.recording import Frame, address_of, frames
from schemas.errors import SettingError

TEXT = b"""wss://ws.example.org/a?b=c <-> 1649290076.511507
wss://ws.example.org/a <- 1649290077.318636: {"op":"subscribe"}
1649290077.5823638: {"event": "subscribe: x"}
garbage
1649290078: pong
"""
FRAMES = [Frame(1_649_290_077_582_363, b'{"event": "subscribe: x"}'), Frame(1_649_290_078_000_000, b"pong")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_was_received_comes_with_its_time(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "session"
    path.write_bytes(pack(TEXT))  # type: ignore[operator]
    assert list(frames(path)) == FRAMES
    assert address_of(path) == "wss://ws.example.org/a?b=c"


def test_a_recording_may_name_no_address(tmp_path: Path) -> None:
    path = tmp_path / "session"
    path.write_bytes(b"1649290078: wss://not.an.address\n" * 60 + b"wss://too.late <-> 1\n")
    assert address_of(path) is None
    path.write_bytes(b"")
    assert address_of(path) is None
    assert list(frames(path)) == []


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(gzip.compress(TEXT * 1000)[:-40])
    for name in ("missing", "cut", "."):
        with pytest.raises(SettingError, match="recording can't be read"):
            list(frames(tmp_path / name))
