"""What is recorded is what is played."""

from pathlib import Path

import pytest

from feeds.recording import Frame, address_of, frames
from jobs.ingest.recorder import Recorder
from schemas.errors import SettingError


@pytest.mark.parametrize("name", ["session", "session.gz"])
def test_frames_come_back_as_they_came(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    kept = [
        Frame(1_700_000_000_000_001, b'{"a":1}'),
        Frame(1_700_000_001_500_000, b"\xff\x00 pong"),
        Frame(10**15, b""),
    ]
    recorder = Recorder(path)
    recorder.opened("wss://ws.bitget.com/v2/ws/public")
    recorder.sent("wss://ws.bitget.com/v2/ws/public", '{"op":"subscribe"}')
    for frame in kept:
        recorder.received(frame)
    recorder.received(Frame(10**15, b'{\r\n"b":2}'))
    recorder.close()
    assert address_of(path) == "wss://ws.bitget.com/v2/ws/public"
    assert [*frames(path)] == [*kept, Frame(10**15, b'{  "b":2}')]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="recording can't be written: No such file or directory"):
        Recorder(tmp_path / "none" / "session")
    recorder = Recorder(Path("/dev/full"))
    recorder.received(Frame(10**15, b"x"))
    with pytest.raises(SettingError, match="No space left"):
        recorder.close()
